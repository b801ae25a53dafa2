import workerpool from 'workerpool'
import { noop, spin } from './work.mjs'

workerpool.worker({ noop, spin })
