import { describe, expect, it } from 'vitest'
import { sourceId } from '../../contract/ids.ts'
import { FormatSpec } from '../../contract/spec.ts'
import { HlsSpec, OutputSpec } from '../../contract/output-spec.ts'
import { chooseFormat, fittedToSegments } from './format-choice.ts'
import { defaultFormat, describeAudio, describeVideo, type SourceFormat } from './program-format.ts'

const usable = (height: number, extra: Partial<SourceFormat> = {}): SourceFormat => ({
  video: {
    codec: 'h264',
    profile: 'main',
    chroma: '4:2:0',
    depth: 8,
    width: (height * 16) / 9,
    height,
    scan: 'progressive',
  },
  frameTicks: 3003,
  audio: [
    {
      format: { codec: 'mp2', profile: '', sampleRate: 48_000, channels: 2, frameSamples: 1152 },
      language: 'deu',
    },
  ],
  ...extra,
})
const input = (id: string, usableFormat: SourceFormat | undefined) => ({
  id: sourceId(id),
  usableFormat,
})
const facts = {
  spec: undefined,
  stored: undefined,
  inputs: [],
  waitedMs: 0,
  usableForMs: undefined,
}

describe('the format of the channel', () => {
  it('is the configured one, whatever the sources have', () => {
    const spec = FormatSpec.parse({ video: { width: 640, height: 360, rate: '30000/1001' } })
    const chosen = chooseFormat({ ...facts, spec, inputs: [input('a', usable(720))] })!
    expect(chosen.from).toBe('configuration')
    expect(describeVideo(chosen.format.video?.format)).toBe('h264 high 640x360 29.97p')
  })

  it('is the first source’s as soon as that is usable', () => {
    const chosen = chooseFormat({
      ...facts,
      inputs: [input('a', usable(720)), input('b', usable(360))],
      usableForMs: 0,
    })!
    expect(chosen.source).toBe('a')
    expect(describeVideo(chosen.format.video?.format)).toBe('h264 main 1280x720 29.97p')
    expect(describeAudio(chosen.format.audio?.format)).toBe('mp2 48 kHz stereo')
    expect(chosen.format.languages).toEqual(['deu'])
  })

  it('waits a second for a better source than the first one', () => {
    const inputs = [input('a', undefined), input('b', usable(360))]
    expect(chooseFormat({ ...facts, inputs, usableForMs: 300 })).toBeUndefined()
    expect(chooseFormat({ ...facts, inputs, usableForMs: 1_200 })!.source).toBe('b')
  })

  it('is 720p25 H.264 with AAC when no source came within 5 s', () => {
    const inputs = [input('a', undefined)]
    expect(chooseFormat({ ...facts, inputs, waitedMs: 4_900 })).toBeUndefined()
    const chosen = chooseFormat({ ...facts, inputs, waitedMs: 5_000 })!
    expect(chosen.from).toBe('default')
    expect(describeVideo(chosen.format.video?.format)).toBe('h264 high 1280x720 25p')
    expect(describeAudio(chosen.format.audio?.format)).toBe('aac 48 kHz stereo')
  })

  it('is the stored one of an earlier run', () => {
    const stored = defaultFormat(FormatSpec.parse({ video: { width: 320, height: 180 } }))
    expect(chooseFormat({ ...facts, stored, inputs: [input('a', usable(720))] })).toEqual({
      format: stored,
      from: 'stored',
    })
  })

  it('takes the video of a source and the configured audio', () => {
    const spec = FormatSpec.parse({ audio: { codec: 'ac3', channels: 6 } })
    const { format } = chooseFormat({
      ...facts,
      spec,
      inputs: [input('a', usable(720))],
      usableForMs: 0,
    })!
    expect(describeAudio(format.audio?.format)).toBe('ac3 48 kHz 5.1')
    expect(format.video?.format.height).toBe(720)
  })

  it('has no video when the first source is audio only', () => {
    const { format } = chooseFormat({
      ...facts,
      inputs: [input('a', usable(720, { video: undefined }))],
      usableForMs: 0,
    })!
    expect(format.video).toBeUndefined()
  })
})

describe('random access points of encoded video', () => {
  it.each([
    ['hls:', 1, 1],
    ['dash:', 1.2, 1],
    ['hls:', 4, 2],
    ['udp://127.0.0.1:5000', 1, 2],
  ])('with %s and segments of %s s are %s s apart', (url, segmentTime, gopSeconds) => {
    const outputs = [OutputSpec.parse({ id: 'web', url })]
    const hls = HlsSpec.parse({ segmentTime })
    const { video } = fittedToSegments(defaultFormat(undefined), { outputs, hls })
    expect(video?.gopSeconds).toBe(gopSeconds)
  })
})
