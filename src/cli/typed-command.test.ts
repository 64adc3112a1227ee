import { expect, test } from 'vitest'
import { parseCommand } from './typed-command.ts'

test.each([
  ['take s1', { kind: 'take', source: 's1', bus: 'program' }],
  ['  take   s1  seamless ', { kind: 'take', source: 's1', bus: 'program', mode: 'seamless' }],
  [':preview s1', { kind: 'take', source: 's1', bus: 'preview' }],
  ['mode graceful', { kind: 'change', change: { mode: 'graceful' } }],
  ['auto on', { kind: 'change', change: { failover: 'auto' } }],
  ['auto off', { kind: 'change', change: { failover: 'off' } }],
  ['observe', { kind: 'change', change: { failover: 'observe' } }],
  ['revert manual', { kind: 'change', change: { revert: 'manual' } }],
  ['slate on', { kind: 'slate', wanted: 'on' }],
  ['add s5=http://h/?a=b c', { kind: 'add', id: 's5', url: 'http://h/?a=b c' }],
  ['add clip.mp4', { kind: 'add', url: 'clip.mp4' }],
  ['remove s5', { kind: 'remove', id: 's5' }],
  ['7', { kind: 'take_place', place: 7, bus: 'program' }],
  ['P1', { kind: 'take_place', place: 1, bus: 'preview' }],
  ['p', { kind: 'take_preview' }],
  ['m', { kind: 'status' }],
  ['status', { kind: 'status' }],
  ['q', { kind: 'quit' }],
])('"%s" is understood', (line, command) => {
  expect(parseCommand(line)).toEqual({ ok: true, command })
})

test.each([
  ['take', 'expected take <source> [mode]'],
  ['take s1 fast', '"fast" is not a mode; expected cutover, graceful, seamless'],
  ['mode', 'mode what? mode cutover|graceful|seamless'],
  [
    'mode gracefull',
    '"gracefull" is unknown; expected mode cutover|graceful|seamless; did you mean "graceful"?',
  ],
  ['auto', 'auto what? auto on|off'],
  ['tkae s1', 'unknown command "tkae"; did you mean "take"?'],
  ['xyzzy', 'unknown command "xyzzy"; help lists them'],
  ['constructor', 'unknown command "constructor"'],
  ['status all', 'status takes nothing behind it'],
  ['add', 'expected add <id>=<url>'],
  ['remove', 'expected remove <id>'],
])('"%s" is answered with the valid forms', (line, problem) => {
  expect(parseCommand(line)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) })
})

test.each(['', '   ', ':'])('"%s" is nothing', (line) => {
  expect(parseCommand(line)).toBeUndefined()
})
