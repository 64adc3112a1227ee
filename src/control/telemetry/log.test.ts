import { expect, test } from 'vitest'
import { buildLog } from './log.ts'

const written = (form: 'json' | 'plain') => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = buildLog({ level: 'info', form, destination, secrets: ['hunter2hunter2'] })
  return { lines, log }
}

test.each(['json', 'plain'] as const)('no secret is written as %s', (form) => {
  const { lines, log } = written(form)
  log.info({ token: 'hunter2hunter2', url: 'rtmp://live.example/app/streamkey1' }, 'start')
  log.error({ err: new Error('failed: srt://h:1?passphrase=opensesame') }, 'with hunter2hunter2')
  const text = lines.join('')
  expect(text).not.toMatch(/hunter2|streamkey1|opensesame/)
  expect(text).toContain('live.example')
  expect(lines).toHaveLength(2)
})

test('JSON lines can be read back', () => {
  const { lines, log } = written('json')
  log.warn({ source: 's0', lost: 3 }, 'packets lost')
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'warn',
    source: 's0',
    lost: 3,
    msg: 'packets lost',
  })
})

test('plain lines are for reading', () => {
  const { lines, log } = written('plain')
  log.warn({ source: 's0', why: 'no media' }, 'source failed')
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}source failed source=s0 why="no media"\n$/,
  )
})

test('below the level nothing is written', () => {
  const { lines, log } = written('json')
  log.debug('detail')
  expect(lines).toEqual([])
})
