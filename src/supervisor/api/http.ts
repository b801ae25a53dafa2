/**
 * node:http, taken as it is: an `import` of it reads every export, and one of them loads a whole fetch
 * implementation (25 ms and its memory) that nothing here uses.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http')
