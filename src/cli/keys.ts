import { PREVIEW } from '../contract/ids.ts'
import { type ConsoleCommand, keyCommand } from './typed-command.ts'

/** State of the terminal's input. */
export type KeyState =
  | { readonly kind: 'keys' }
  /** "P" was pressed: the next digit goes to preview. */
  | { readonly kind: 'preview' }
  | { readonly kind: 'line'; readonly text: string }

export type KeyAction =
  | { readonly kind: 'command'; readonly command: ConsoleCommand }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'redraw' }

export interface KeyResult {
  readonly state: KeyState
  readonly action?: KeyAction
}

const ENTER = ['\r', '\n']
const BACKSPACE = ['\u007f', '\b']
const ESCAPE = '\u001b'
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_L = '\u000c'
const CTRL_U = '\u0015'

const KEYS_STATE: KeyState = { kind: 'keys' }
const QUIT_ACTION: KeyAction = { kind: 'command', command: { kind: 'quit' } }
const MAX_TYPED_CHARS = 5_000

/**
 * Processes one key. Deterministic, without timing: the hot keys act at once, ":" or any other letter starts a command
 * line, in which every key is text until Enter or Esc.
 */
export const pressKey = (state: KeyState, key: string): KeyResult => {
  if (key === CTRL_L) return { state, action: { kind: 'redraw' } }
  switch (state.kind) {
    case 'keys':
      return pressHotKey(key)
    case 'preview': {
      if (key === CTRL_C) return { state: KEYS_STATE, action: QUIT_ACTION }
      if (!/^[0-9]$/.test(key)) return { state: KEYS_STATE }
      const command: ConsoleCommand = { kind: 'take_place', place: Number(key), bus: PREVIEW }
      return { state: KEYS_STATE, action: { kind: 'command', command } }
    }
    case 'line':
      return pressLineKey(state.text, key)
  }
}

const pressHotKey = (key: string): KeyResult => {
  if (key === CTRL_C || key === CTRL_D) return { state: KEYS_STATE, action: QUIT_ACTION }
  if (key === 'P') return { state: { kind: 'preview' } }
  const command = keyCommand(key)
  if (command !== undefined) return { state: KEYS_STATE, action: { kind: 'command', command } }
  if (key === ':') return { state: { kind: 'line', text: '' } }
  return /^[A-Za-z]$/.test(key) ? { state: { kind: 'line', text: key } } : { state: KEYS_STATE }
}

const pressLineKey = (text: string, key: string): KeyResult => {
  if (key === ESCAPE || key === CTRL_C) return { state: KEYS_STATE }
  if (ENTER.includes(key)) return { state: KEYS_STATE, action: { kind: 'line', text } }
  if (BACKSPACE.includes(key)) {
    const shorter = [...text].slice(0, -1).join('')
    return text === '' ? { state: KEYS_STATE } : { state: { kind: 'line', text: shorter } }
  }
  if (key === CTRL_U) return { state: { kind: 'line', text: '' } }
  const printable = key >= ' ' && !key.startsWith(ESCAPE) && text.length < MAX_TYPED_CHARS
  return { state: { kind: 'line', text: printable ? text + key : text } }
}

// oxlint-disable-next-line no-control-regex -- escape sequences start with a control character
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/y

/** Splits the terminal's input into keys; an arrow or function key (an escape sequence) is one key. */
export const keysOf = (chunk: string): string[] => {
  const keys: string[] = []
  for (let at = 0; at < chunk.length;) {
    SEQUENCE.lastIndex = at
    const key = SEQUENCE.exec(chunk)?.[0] ?? String.fromCodePoint(chunk.codePointAt(at)!)
    keys.push(key)
    at += key.length
  }
  return keys
}
