import { expect, test } from 'vitest'
import { type KeyAction, type KeyState, keysOf, pressKey } from './keys.ts'

const type = (text: string): { state: KeyState; actions: KeyAction[] } => {
  let state: KeyState = { kind: 'keys' }
  const actions: KeyAction[] = []
  for (const key of keysOf(text)) {
    const move = pressKey(state, key)
    state = move.state
    if (move.action !== undefined) actions.push(move.action)
  }
  return { state, actions }
}

const command = (one: object) => ({ kind: 'command', command: one })
const line = (text: string) => ({ kind: 'line', text })

test.each<[string, string, object[]]>([
  ['a digit takes', '1', [command({ kind: 'take_place', place: 1, bus: 'program' })]],
  [
    'P and a digit put on preview',
    'P2',
    [command({ kind: 'take_place', place: 2, bus: 'preview' })],
  ],
  ['P and something else does nothing', 'Px', []],
  ['p takes the preview', 'p', [command({ kind: 'take_preview' })]],
  ['q quits', 'q', [command({ kind: 'quit' })]],
  ['Ctrl-C quits', '\u0003', [command({ kind: 'quit' })]],
  ['a letter starts a line with itself', 'take s1\r', [line('take s1')]],
  ['a colon starts an empty line', ':mode graceful\r', [line('mode graceful')]],
  ['hot keys are text within a line', ':qpm0\r', [line('qpm0')]],
  ['backspace takes back', 'take sx\u007f1\r', [line('take s1')]],
  ['Ctrl-U empties the line', 'take\u0015status\r', [line('status')]],
  ['Esc leaves the line', 'take s1\u001b\r', []],
  ['Ctrl-C in a line leaves only the line', 'take\u0003', []],
  [
    'backspace past the beginning leaves the line',
    'a\u007f\u007f1',
    [command({ kind: 'take_place', place: 1, bus: 'program' })],
  ],
  ['arrow keys are nothing', '\u001b[A\u001b[1;5C\u001bOP', []],
  ['arrow keys within a line are nothing', 'ta\u001b[Dke\r', [line('take')]],
  ['characters beyond ASCII are text', 'add é😀\r', [line('add é😀')]],
])('%s', (_name, keys, actions) => {
  expect(type(keys)).toEqual({ state: { kind: 'keys' }, actions })
})
