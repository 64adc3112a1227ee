import { expect, test } from 'vitest'
import { OutputSpec } from '../../contract/output-spec.ts'
import { ChannelSpec } from '../../contract/spec.ts'
import { OutputKinds } from './output-kinds.ts'

const channel = ChannelSpec.parse({})
const check = (spec: object): void =>
  new OutputKinds().check(OutputSpec.parse({ id: 'x', ...spec }), { channel, env: {} })

test.each([
  ['udp://127.0.0.1:5000', { record: {} }, 'output x: section "record" belongs to record: outputs'],
  ['udp://127.0.0.1:5000', { icecast: {} }, 'section "icecast" belongs to icecast: outputs'],
  ['program.ts', { push: {} }, 'section "push" belongs to rtmp:, rtmps: and srt: outputs'],
])('%s with the section of another kind %j is refused', (url, section, said) => {
  expect(() => check({ url, ...section })).toThrow(said)
})

test('without a section that is not its own it is accepted', () => {
  expect(() => check({ url: 'udp://127.0.0.1:5000' })).not.toThrow()
})

test('an address of no kind is refused, without its secrets', () => {
  expect(() => check({ url: 'ftp://u:hush@h/x' })).toThrow(/"ftp:" is not an output/)
  expect(() => check({ url: 'ftp://u:hush@h/x' })).not.toThrow(/hush/)
})
