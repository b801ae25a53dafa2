#!/usr/bin/env node
// The entry of squadd, in JavaScript that old Node versions can parse as well: on Node 24 or newer it
// runs the program, on an older one it hands over to the `node` package beside it.
import fs from 'fs'
import path from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const wanted = 24
const root = path.dirname(path.dirname(fs.realpathSync(fileURLToPath(import.meta.url))))

function major(version) {
  return Number(String(version).split('.')[0])
}

function fail(message) {
  process.stderr.write('squadd: ' + message + '\n')
  process.exitCode = 78
}

// Compiled code is kept with the installed packages: who may write there may change them anyway.
function keepCompiledCode(module) {
  if (module.enableCompileCache)
    module.enableCompileCache(path.join(root, 'node_modules', '.cache', 'squadd'))
}

function run() {
  const built = path.join(root, 'dist', 'bin', 'squadd.js')
  const source = path.join(root, 'bin', 'squadd.ts')
  const entry = fs.existsSync(built) && !fs.existsSync(path.join(root, 'src')) ? built : source
  return import('module')
    .then(keepCompiledCode)
    .then(function () {
      return import(pathToFileURL(entry).href)
    })
    .then(function (program) {
      return program.run(process.argv.slice(2))
    })
}

// The nearest `node` package that is new enough, as Node itself would look for it.
function findNode() {
  for (let dir = root; ; dir = path.dirname(dir)) {
    const home = path.join(dir, 'node_modules', 'node')
    const binary = path.join(home, 'bin', 'node')
    try {
      const found = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'))
      if (major(found.version) >= wanted && fs.existsSync(binary)) return binary
    } catch {
      // None here.
    }
    if (dir === path.dirname(dir)) return undefined
  }
}

function handOver(binary) {
  return Promise.all([import('child_process'), import('tty')]).then(function (modules) {
    const child = modules[0].spawn(binary, process.execArgv.concat(process.argv.slice(1)), {
      stdio: 'inherit',
    })
    // What a person types goes to both of us already.
    const typed = modules[1].isatty(0) ? ['SIGINT', 'SIGQUIT'] : []
    const handlers = {}
    ;['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'].forEach(function (signal) {
      handlers[signal] = function () {
        if (typed.indexOf(signal) < 0) child.kill(signal)
      }
      process.on(signal, handlers[signal])
    })
    child.on('error', function (error) {
      fail(binary + ' does not start: ' + error.message)
    })
    child.on('exit', function (code, signal) {
      if (signal === null) {
        process.exitCode = code
        return
      }
      if (handlers[signal]) process.removeListener(signal, handlers[signal])
      process.kill(process.pid, signal)
    })
  })
}

const other = major(process.versions.node) >= wanted ? undefined : findNode()
if (major(process.versions.node) >= wanted) void run()
else if (other) void handOver(other)
else
  fail(
    'needs Node ' +
      wanted +
      ' or newer, this is ' +
      process.versions.node +
      '; install it, or put it beside squadd with: npm install node@' +
      wanted,
  )
