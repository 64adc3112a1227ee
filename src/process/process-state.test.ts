import { expect, test } from 'vitest'
import { next, STOPPED, type ProcessEvent, type ProcessState } from './process-state.ts'

const starting: ProcessState = { kind: 'starting', attempt: 3 }
const running: ProcessState = { kind: 'running', attempt: 3, pid: 9 }
const waiting: ProcessState = { kind: 'waiting', attempt: 3, reason: 'x' }
const stopping: ProcessState = { kind: 'stopping', then: 'stopped' }
const restarting: ProcessState = { kind: 'stopping', then: 'starting' }
const first: ProcessState = { kind: 'starting', attempt: 1 }

const start: ProcessEvent = { kind: 'start' }
const spawned: ProcessEvent = { kind: 'spawned', pid: 9 }
const settled: ProcessEvent = { kind: 'settled' }
const exited: ProcessEvent = { kind: 'exited', reason: 'x' }
const retry: ProcessEvent = { kind: 'retry' }
const restart: ProcessEvent = { kind: 'restart' }
const stop: ProcessEvent = { kind: 'stop' }

const states = [STOPPED, starting, running, waiting, stopping, restarting]
const events = [start, spawned, settled, exited, retry, restart, stop]

const legal: readonly [ProcessState, ProcessEvent, ProcessState][] = [
  [STOPPED, start, first],
  [starting, spawned, running],
  [starting, exited, waiting],
  [starting, restart, restarting],
  [starting, stop, stopping],
  [running, settled, { ...running, attempt: 1 }],
  [running, exited, waiting],
  [running, restart, restarting],
  [running, stop, stopping],
  [waiting, retry, { kind: 'starting', attempt: 4 }],
  [waiting, restart, first],
  [waiting, stop, STOPPED],
  [stopping, start, restarting],
  [stopping, exited, STOPPED],
  [restarting, exited, first],
  [restarting, stop, stopping],
]

test.each(legal)('%j on %j becomes %j', (state, event, after) => {
  expect(next(state, event)).toEqual(after)
})

test('every other event leaves the state as it is', () => {
  for (const state of states) {
    for (const event of events) {
      if (legal.some(([from, on]) => from === state && on === event)) continue
      expect(next(state, event), `${state.kind} on ${event.kind}`).toEqual(state)
    }
  }
})
