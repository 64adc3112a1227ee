import { expect, test } from 'vitest'
import { anOutput } from '../../../test/helpers/fake-channel.ts'
import type { OutputStatus } from '../../contract/status.ts'
import { OutputList, type OutputStateChange } from './output-list.ts'

const LOST = { lastError: 'connect ECONNREFUSED', errors: 1 }

test.each<readonly [string, OutputStatus, OutputStateChange]>([
  [
    'why it waits',
    anOutput('tw', { state: 'waiting', ...LOST }),
    { output: anOutput('tw').id, state: 'waiting', reason: LOST.lastError },
  ],
  [
    'why it failed',
    anOutput('tw', { state: 'failed', ...LOST }),
    { output: anOutput('tw').id, state: 'failed', reason: LOST.lastError },
  ],
  [
    'not an error that is over, when it runs again',
    anOutput('tw', { state: 'running', ...LOST }),
    { output: anOutput('tw').id, state: 'running' },
  ],
])('a change of state reports %s, once', async (_, status, change) => {
  const changes: OutputStateChange[] = []
  const list = new OutputList((each) => changes.push(each))
  list.addOutput({ id: status.id, kind: status.kind, run: async () => {}, status: () => status })
  list.checkStates()
  list.checkStates()
  expect(changes).toEqual([change])
  await list.close()
})
