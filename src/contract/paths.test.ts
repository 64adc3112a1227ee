import { describe, expect, test } from 'vitest'
import { channelId, outputId, PREVIEW, PROGRAM, sourceId, type BusId } from './ids.ts'
import { isPlayback, pathOf, readPath, shortPathOf, type MediaTarget } from './paths.ts'

const MAIN = channelId('main')
const OTHER = channelId('sport.2')
const camera = sourceId('cam.1')
const output = outputId('rec-1')

const TARGETS: readonly (readonly [string, MediaTarget, 'playback' | 'other'])[] = [
  ['stream.ts', { kind: 'bus', bus: PROGRAM }, 'playback'],
  ['preview.ts', { kind: 'bus', bus: PREVIEW }, 'other'],
  ['buses/aux.1.ts', { kind: 'bus', bus: 'aux.1' as BusId }, 'other'],
  ['sources/cam.1.ts', { kind: 'source', source: camera }, 'other'],
  ['sources/a.ts.ts', { kind: 'source', source: sourceId('a.ts') }, 'other'],
  ['live/stream.m3u8', { kind: 'packaged', output: 'live', file: 'stream.m3u8' }, 'playback'],
  ['live/time', { kind: 'packaged', output: 'live', file: 'time' }, 'playback'],
  ['hls/stream_0/7.ts', { kind: 'packaged', output: 'hls', file: 'stream_0/7.ts' }, 'playback'],
  ['dash/stream.mpd', { kind: 'packaged', output: 'dash', file: 'stream.mpd' }, 'playback'],
  ['listen.mp3', { kind: 'listen', format: 'mp3' }, 'playback'],
  ['listen.opus', { kind: 'listen', format: 'opus' }, 'playback'],
  ['recordings', { kind: 'recordings' }, 'other'],
  ['recordings/rec-1', { kind: 'recordings', output }, 'other'],
  ['recordings/rec-1/x.mp4', { kind: 'recordings', output, name: 'x.mp4' }, 'other'],
  [
    `recordings/rec-1/${encodeURIComponent('Канал 1 100%.ts')}`,
    { kind: 'recordings', output, name: 'Канал 1 100%.ts' },
    'other',
  ],
]

describe.each(TARGETS)('%s', (path, target, use) => {
  test('is read, short at the default channel and long at any', () => {
    expect(readPath(`/${path}`, MAIN)).toEqual({ ...target, channel: MAIN })
    expect(readPath(`/${path}`, OTHER)).toEqual({ ...target, channel: OTHER })
    expect(readPath(`/channels/main/${path}`, OTHER)).toEqual({ ...target, channel: MAIN })
    expect(readPath(`/channels/sport.2/${path}?_HLS_msn=7`, MAIN)).toEqual({
      ...target,
      channel: OTHER,
    })
  })

  test('is made', () => {
    expect(shortPathOf(target)).toBe(`/${path}`)
    expect(pathOf({ ...target, channel: OTHER })).toBe(`/channels/sport.2/${path}`)
  })

  test(`counts as ${use}`, () => {
    expect(isPlayback(target)).toBe(use === 'playback')
  })
})

test('a percent-encoded address is the same address', () => {
  expect(readPath('/%73tream.ts', MAIN)).toEqual({ kind: 'bus', bus: PROGRAM, channel: MAIN })
  expect(readPath('/channels/ma%69n/listen%2emp3', OTHER)).toEqual({
    kind: 'listen',
    format: 'mp3',
    channel: MAIN,
  })
})

test.each([
  ['', 'nothing'],
  ['/', 'the page'],
  ['stream.ts', 'no slash in front'],
  ['//stream.ts', 'an empty segment'],
  ['/stream.ts/', 'an empty segment at the end'],
  ['/Stream.ts', 'another case'],
  ['/status', 'control'],
  ['/sources/cam', 'control: a source without .ts'],
  ['/sources/.ts', 'no id'],
  ['/sources/a/b.ts', 'a deeper address'],
  ['/sources/a%2Fb.ts', 'a slash in an id'],
  ['/sources/%D0%9A.ts', 'an id in another script'],
  ['/live', 'no file'],
  ['/live/', 'an empty file'],
  ['/live/../status', 'a way out'],
  ['/live/%2e%2e/status', 'an encoded way out'],
  ['/live/..%2fstatus', 'an encoded slash'],
  ['/live/..%5cstatus', 'a backslash'],
  ['/live/a%00b', 'a zero'],
  ['/live/%E0%A4', 'half a character'],
  ['/live/%zz', 'no encoding'],
  ['/listen.wav', 'a format that is not made'],
  ['/listen.mp3/x', 'a deeper address'],
  ['/recordings/rec-1/a/b', 'a deeper address'],
  ['/recordings/../x', 'a way out'],
  ['/channels', 'no channel'],
  ['/channels/main', 'no target'],
  ['/channels/main/status', 'control'],
  ['/channels/-x/stream.ts', 'no id'],
  ['/channels/%D0%9A%D0%B0%D0%BD%D0%B0%D0%BB/stream.ts', 'a channel in another script'],
  ['/channels/main/channels/main/stream.ts', 'twice'],
  ['http://other.example/stream.ts', 'an absolute URL'],
])('%j is refused: %s', (url) => {
  expect(readPath(url, MAIN)).toBeUndefined()
})
