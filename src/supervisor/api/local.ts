/**
 * What a command has to know of its own machine: where the files are, what is configured. The command
 * line stands on the API's floor, so it reaches these through here.
 */
export { configOrigin, readConfigFile } from '../config-file.ts'
export { setAside } from '../log-file.ts'
export { prepareHome, resolveHome } from '../home.ts'
export type { Home } from '../home.ts'
export { version } from '../version.ts'
