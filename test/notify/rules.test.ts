import fc from 'fast-check'
import t from 'tap'
import { parseConfig, shownConfig } from '../../src/supervisor/domain/config.ts'
import { readNotifications } from '../../src/supervisor/domain/notification.ts'
import { isToldOf, quietMinutes, retryDelayMs } from '../../src/supervisor/policy/notify.ts'

const rule = (more: object) =>
  readNotifications([{ on: ['TaskFailed'], desktop: true, ...more }])[0]!

t.test('a wrong notification is refused by its field, and its address is not shown', (t) => {
  const url = 'https://user:hunter2@hooks.test/hidden'
  const cases: [given: unknown, says: RegExp][] = [
    [{}, /notifications is not a list/],
    [[7], /notifications\[0\] is not an object/],
    [[{ on: ['TaskFailed'] }], /has not one target/],
    [[{ on: ['TaskFailed'], desktop: true, webhook: 'http://a' }], /has not one target/],
    [[{ on: ['TaskFailed'], desktop: false }], /desktop is not true/],
    [[{ on: ['TaskFailed'], desktop: true, format: 'slack' }], /format is only for a webhook/],
    [[{ on: [], desktop: true }], /\.on is not a list/],
    [[{ on: ['TaskFaild'], desktop: true }], /\.on has "TaskFaild"/],
    [[{ on: ['NotificationFailed'], desktop: true }], /\.on has "NotificationFailed"/],
    [[{ on: ['TaskFailed'], desktop: true, agent: 'x' }], /agent is not a field/],
    [[{ on: ['TaskFailed'], desktop: true, agents: ['a b'] }], /agents has "a b"/],
    [[{ on: ['TaskFailed'], desktop: true, priorities: ['top'] }], /priorities has "top"/],
    [[{ on: ['TaskFailed'], desktop: true, quietHours: '7-8' }], /quietHours are no hours/],
    [[{ on: ['TaskFailed'], desktop: true, quietHours: '07:00-07:00' }], /are no hours/],
    [[{ on: ['TaskFailed'], webhook: 'ftp://hidden' }], /webhook is no address/],
    [[{ on: ['TaskFailed'], webhook: url }], /holds a user or password/],
    [[{ on: ['TaskFailed'], webhook: 'http://a', secretFile: 'x' }], /not an absolute path/],
    [[{ on: ['TaskFailed'], webhook: 'http://a', secretEnv: 'a-b' }], /not the name of a variable/],
    [[{ on: ['TaskFailed'], webhook: 'http://a', format: 'xml' }], /format is unknown/],
    [[{ on: ['TaskFailed'], webhook: 'http://a', name: 'a b' }], /name is not a name/],
    [
      [
        { on: ['TaskFailed'], desktop: true },
        { on: ['TaskHeld'], desktop: true },
      ],
      /notifications\[1\]\.name "desktop" is taken/,
    ],
  ]
  for (const [notifications, message] of cases) {
    t.throws(() => parseConfig({ notifications }), { code: 'SQUADD_BAD_CONFIG', message })
    try {
      parseConfig({ notifications })
    } catch (error) {
      t.notMatch(String(error), /hidden|hunter2/)
    }
  }
  t.end()
})

t.test('of an address only the host is shown', (t) => {
  const notifications = [{ on: ['TaskFailed'], webhook: 'https://hooks.test:8443/hidden?a=hidden' }]
  const config = parseConfig({ notifications })
  t.equal(readNotifications(config.notifications)[0]!.name, 'hooks.test:8443')
  t.equal(shownConfig(config).notifications[0]!.webhook, 'https://hooks.test:8443/…')
  t.notMatch(JSON.stringify(shownConfig(config)), /hidden/)
  t.end()
})

t.test('a rule tells of its events, its agents and its priorities alone', (t) => {
  const failed = { type: 'TaskFailed', agentId: 'ada' } as const
  t.ok(isToldOf(rule({}), failed, null))
  t.notOk(isToldOf(rule({}), { ...failed, type: 'TaskHeld' }, null))
  t.ok(isToldOf(rule({ agents: ['bob', 'ada'] }), failed, null))
  t.notOk(isToldOf(rule({ agents: ['bob'] }), failed, null))
  t.notOk(isToldOf(rule({ agents: ['bob'] }), { type: 'TaskFailed' }, null))
  t.ok(isToldOf(rule({ priorities: ['high', 'critical'] }), failed, 'critical'))
  t.notOk(isToldOf(rule({ priorities: ['high'] }), failed, 'low'))
  t.notOk(isToldOf(rule({ priorities: ['high'] }), failed, null))
  t.end()
})

t.test('quiet hours end at their end, over midnight as well', (t) => {
  const night = rule({ quietHours: '22:00-07:30' })
  const at = (hours: number, minutes = 0) => quietMinutes(night, hours * 60 + minutes)
  t.strictSame(
    [at(21, 59), at(22), at(23, 59), at(0), at(7, 29), at(7, 30), at(12)],
    [0, 570, 451, 450, 1, 0, 0],
  )
  const lunch = rule({ quietHours: '12:00-13:00' })
  t.strictSame(
    [719, 720, 779, 780].map((m) => quietMinutes(lunch, m)),
    [0, 60, 1, 0],
  )
  t.equal(quietMinutes(rule({}), 0), 0)
  t.end()
})

t.test('a try waits longer the more have failed, and never longer than an hour', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.nat(86_400_000),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (tries, base, chance) => {
        const wait = retryDelayMs(tries, base, () => chance)
        const limit = Math.min(3_600_000, base * 4 ** (tries - 1))
        return wait >= Math.floor(limit / 2) && wait <= limit + 1
      },
    ),
    { numRuns: 1000 },
  )
  t.end()
})
