import { expect, test } from 'vitest'
import { recordedChannel } from '../../test/helpers/channel-fixture.ts'
import { channelConsole } from './console.ts'

const open = (sources?: readonly string[]) => {
  const channel = recordedChannel(sources)
  const calls: string[] = []
  const console = channelConsole(channel.port, {
    status: async () => ['the status'],
    quit: () => calls.push('quit'),
  })
  return { ...channel, calls, typed: console.executeLine }
}

test.each([
  [
    'take s1',
    'take s1 program',
    'on air: s1 (was s0), cutover, wait 12.3 ms, gap 0 ms, A/V +3.1 ms, at program time 00:01:00',
  ],
  ['1', 'take s1 program', 'on air: s1 (was s0)'],
  ['P1', 'take s1 preview', 'on preview: s1'],
  ['p', 'take preview', 'on air: s1'],
  ['take nine', 'take nine program', 'refused (unknown_source): there is no source "nine"'],
  ['mode graceful', 'change {"mode":"graceful"}', 'mode is now graceful'],
  ['slate on', 'take slate program', 'on air: slate (was s0)'],
  ['add s7=x.mp4', 'add source s7 x.mp4', 'source s7 added'],
  ['add x.mp4', 'add source s2 x.mp4', 'source s2 added'],
  ['remove s1', 'remove source s1', 'source s1 removed'],
])('"%s" calls the channel and shows the result', async (line, asked, said) => {
  const channel = open()
  expect((await channel.typed(line)).join('\n')).toContain(said)
  expect(channel.asked).toEqual([asked])
})

test.each([
  ['9', 'there is no source number 9'],
  ['remove nine', 'there is no source "nine"'],
  ['remove a/b', 'must be 1 to 64 letters'],
  ['add slate=x', 'slate'],
  ['nonsense', 'unknown command'],
])('"%s" changes nothing and shows the reason', async (line, said) => {
  const channel = open()
  expect((await channel.typed(line)).join('\n')).toContain(said)
  expect(channel.asked).toEqual([])
})

test('slate off returns to the source wanted before the slate', async () => {
  const channel = open()
  for (const line of ['take s1', 'slate on', 'slate on', 'slate off']) await channel.typed(line)
  expect(channel.asked.at(-1)).toBe('take s1 program')
})

test('slate off without a source is an error', async () => {
  expect(await open([]).typed('slate off')).toEqual([
    'slate off: there is no healthy source to return to',
  ])
})

test("status and quit are the terminal's", async () => {
  const channel = open()
  expect(await channel.typed('m')).toEqual(['the status'])
  expect(await channel.typed('quit')).toEqual(['stopping'])
  expect(channel.calls).toEqual(['quit'])
})
