import t from 'tap'
import { suite } from './suite.ts'

t.setTimeout(900_000)
suite(t, { program: 'claude', mode: 'interactive', differs: { asksAgainWhenEmpty: true } })
