import { describe, expect, it } from 'vitest'
import { SourceSpec } from '../../contract/spec.ts'
import type { ElementaryTrack } from '../../mpegts/demuxer.ts'
import { InputTracks } from './input-tracks.ts'

const spec = SourceSpec.parse({ id: 'a', url: 'test:' })
const track = (pid: number, kind: 'video' | 'audio'): ElementaryTrack => ({
  pid,
  kind,
  codec: kind === 'video' ? 'h264' : 'aac',
  streamType: 0,
  descriptors: new Uint8Array(),
})
const VIDEO = {
  codec: 'h264',
  profile: 'main',
  chroma: '4:2:0',
  depth: 8,
  width: 640,
  height: 360,
  scan: 'progressive',
} as const
const AUDIO = {
  codec: 'aac',
  profile: 'lc',
  sampleRate: 48_000,
  channels: 2,
  frameSamples: 1024,
} as const

const announced = (): InputTracks => {
  const tracks = new InputTracks()
  tracks.setProgram({
    number: 1,
    pmtPid: 16,
    pcrPid: 1,
    version: 0,
    tracks: [track(1, 'video'), track(2, 'audio')],
  })
  tracks.updateChoice(spec, undefined)
  return tracks
}

describe('the tracks of an input', () => {
  it('are described once the format of each chosen one is known', () => {
    const tracks = announced()
    tracks.setFormat(1, VIDEO)
    expect(tracks.tracksWithFormats()).toBeUndefined()
    tracks.setFormat(2, AUDIO)
    expect(tracks.tracksWithFormats()).toEqual({
      video: { pid: 1, format: VIDEO },
      audio: [{ pid: 2, format: AUDIO }],
    })
  })

  it('leave out an announced track without units, and take it back when it has some', () => {
    const tracks = announced()
    tracks.setFormat(1, VIDEO)
    tracks.onArrival(1, 1_000)
    expect(tracks.dropSilentTracks(3_900)).toBe(false)
    expect(tracks.dropSilentTracks(4_000)).toBe(true)
    expect(tracks.updateChoice(spec, undefined)).toBe(true)
    expect(tracks.tracksWithFormats()).toEqual({ video: { pid: 1, format: VIDEO }, audio: [] })
    expect(tracks.dropSilentTracks(5_000)).toBe(false)
    expect(tracks.setFormat(2, AUDIO)).toBe(true)
    expect(tracks.updateChoice(spec, undefined)).toBe(true)
    expect(tracks.tracksWithFormats()?.audio.length).toBe(1)
  })
})
