import { readdir, readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import pidusage from 'pidusage'
import type { LoadSample, LoadSampler } from '../supervisor/domain/ports.ts'

type Usage = { cpu: number; memory: number }

/**
 * Load of whole process trees: one scan of /proc finds all trees, one pidusage call measures all
 * processes. CPU is what was used since the last sample; a process that is new counts from the next.
 * Where there is no /proc only the roots are measured.
 */
export function createSampler(): LoadSampler {
  return {
    async sample(roots) {
      if (roots.size === 0) return new Map()
      const children = await childrenByParent()
      const trees = new Map([...roots].map(([name, pid]) => [name, treeOf(pid, children)]))
      const pids = [...new Set([...trees.values()].flat())]
      const usage = await measure(pids)
      const samples = new Map<string, LoadSample>()
      for (const [name, tree] of trees) {
        const alive = tree.flatMap((pid) => usage.get(pid) ?? [])
        if (alive.length > 0) samples.set(name, sum(alive))
      }
      return samples
    },
  }
}

function sum(usages: readonly Usage[]): LoadSample {
  const memoryBytes = usages.reduce((total, one) => total + one.memory, 0)
  return {
    cpuPercent: usages.reduce((total, one) => total + one.cpu, 0),
    memoryBytes,
    memoryShare: Math.min(1, memoryBytes / totalmem()),
    processes: usages.length,
  }
}

async function measure(pids: number[]): Promise<Map<number, Usage>> {
  // An array: a process that has just gone is null in the answer, alone it would be an error.
  const found = (await pidusage(pids).catch(() => ({}))) as Record<string, Usage | null>
  return new Map(
    Object.entries(found).flatMap(([pid, usage]) => (usage ? [[Number(pid), usage]] : [])),
  )
}

function treeOf(root: number, children: ReadonlyMap<number, number[]>): number[] {
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

async function childrenByParent(): Promise<Map<number, number[]>> {
  const children = new Map<number, number[]>()
  const names = await readdir('/proc').catch(() => [])
  await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')
        // The command stands in brackets and may hold anything: the last bracket ends it.
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
      }),
  )
  return children
}
