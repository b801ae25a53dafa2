import { ThreadWorker } from 'poolifier'
import { noop, spin } from './work.mjs'

export default new ThreadWorker({ noop, spin })
