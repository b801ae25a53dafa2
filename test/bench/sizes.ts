/**
 * The sizes of a bench: those of the report, or with --quick smaller ones, to see that it works. A
 * variable of the environment sets one alone: `BENCH_AGENTS=20`.
 */
export function sizes<S extends Record<string, number>>(full: S, quick: S): S {
  const chosen = process.env['BENCH_QUICK'] ? quick : full
  const found = Object.entries(chosen).map(([name, size]) => {
    const variable = `BENCH_${name.toUpperCase()}`
    const given = process.env[variable]
    if (given === undefined) return [name, size]
    if (!/^[1-9]\d*$/.test(given))
      throw new Error(`${variable}=${given} is not a size; give a whole number from 1`)
    return [name, Number(given)]
  })
  return Object.fromEntries(found) as S
}
