import { ThreadWorker } from 'poolifier'
import { noop, spin } from './work.mjs'

void new ThreadWorker({ noop, spin })
