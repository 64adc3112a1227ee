import { describe, expect, it } from 'vitest'
import type { AudioFormat, VideoFormat } from '../contract/format.ts'
import {
  ladderPlan,
  type EncoderRung,
  type LadderProgram,
  type RungVideo,
} from './ladder-arguments.ts'

const RATELESS: VideoFormat = {
  codec: 'h264',
  profile: 'high',
  chroma: '4:2:0',
  depth: 8,
  width: 1920,
  height: 1080,
  scan: 'progressive',
}
const VIDEO: VideoFormat = { ...RATELESS, frameRate: { num: 30_000, den: 1001 } }
const AUDIO: AudioFormat = {
  codec: 'ac3',
  profile: '',
  sampleRate: 48_000,
  channels: 6,
  frameSamples: 1536,
}
const PROGRAM: LadderProgram = { video: VIDEO, audio: AUDIO, audioTracks: 2 }

const videoRung = (height: number, change: Partial<RungVideo> = {}): RungVideo => ({
  height,
  bitrate: 2_800_000,
  maxBitrate: 3_000_000,
  bufferSize: 5_600_000,
  preset: 'veryfast',
  keyFrames: { every: 'pictures', count: 48 },
  ...change,
})
const aac = (bitrate: number) => ({ codec: 'aac', bitrate }) as const
const rung = (height: number, change: Partial<RungVideo> = {}): EncoderRung => ({
  video: videoRung(height, change),
  audio: aac(128_000),
})

const argsOf = (rungs: readonly EncoderRung[], program: Partial<LadderProgram> = {}): string =>
  ladderPlan({ program: { ...PROGRAM, ...program }, rungs }).args.join(' ')

describe('the arguments of the ladder', () => {
  it.each([
    {
      title: 'one decoded picture, a copy for each rung',
      args: argsOf([rung(720), rung(576)]),
      has: ['[0:v:0]split=2[c0][c1];', '[c0]scale=', '-map [v0]', '-map [v1]'],
      lacks: ['yadif', ' -r:', '-vn'],
    },
    {
      title: 'the aspect is kept in even pixels',
      args: argsOf([rung(480)]),
      has: ['pad=854:480:', 'setsar=1'],
      lacks: [],
    },
    {
      title: 'pixels become square',
      args: argsOf([rung(576)], {
        video: { ...VIDEO, width: 720, height: 576 },
        pixelAspect: { num: 64, den: 45 },
      }),
      has: ['pad=1024:576:'],
      lacks: [],
    },
    {
      title: 'a given width is used',
      args: argsOf([rung(576, { width: 700 })]),
      has: ['pad=700:576:'],
      lacks: [],
    },
    {
      title: 'fields are woven once',
      args: argsOf([rung(720), rung(576)], { video: { ...VIDEO, scan: 'interlaced' } }),
      has: ['[0:v:0]yadif=mode=send_frame:deint=interlaced,split=2'],
      lacks: [],
    },
    {
      title: 'the grid is the program: its timestamps, its pictures, its random access points',
      args: argsOf([rung(720)]),
      has: [
        ...['-copyts', '-fps_mode:v:0 passthrough', '-enc_time_base:v:0 1:90000'],
        ...['-force_key_frames:v:0 source', '-forced-idr:v:0 1', '-sc_threshold:v:0 0'],
        ...['-flags:v:0 +cgop', 'open-gop=0', '-avoid_negative_ts disabled'],
      ],
      lacks: [],
    },
    {
      title: 'each rung has its own rate control and random access points',
      args: argsOf([
        rung(720),
        rung(576, { bitrate: 1_400_000, keyFrames: { every: 'seconds', seconds: 2 } }),
      ]),
      has: [
        ...['-b:v:0 2800000', '-maxrate:v:0 3000000', '-bufsize:v:0 5600000', '-g:v:0 48'],
        ...['-b:v:1 1400000', '-g:v:1 60'],
      ],
      lacks: [],
    },
    {
      title: 'an unknown frame rate is not written, and seconds count as 25 frames',
      args: argsOf([rung(720, { keyFrames: { every: 'seconds', seconds: 2 } })], {
        video: RATELESS,
      }),
      has: ['-g:v:0 50'],
      lacks: ['h264_metadata'],
    },
    {
      title: 'a slow preset looks no further ahead than a live stream can wait',
      args: argsOf([rung(720, { preset: 'slow' })]),
      has: ['rc-lookahead=8'],
      lacks: [],
    },
    {
      title: 'a preset without look-ahead gets none',
      args: argsOf([rung(720, { preset: 'ultrafast' })]),
      has: ['rc-lookahead=0'],
      lacks: [],
    },
    {
      title: 'audio of the program keeps its rate and channels; MP3 two at most',
      args: argsOf([rung(720), { video: 'none', audio: { codec: 'mp3', bitrate: 96_000 } }]),
      has: ['-c:a:0 aac', '-ac:a:0 6', '-ar:a:0 48000', '-c:a:2 libmp3lame', '-ac:a:2 2'],
      lacks: [],
    },
    {
      title: 'a program without video',
      args: argsOf([rung(720)], { video: undefined }),
      has: ['-vn', '-map 0:a:0', '-map 0:a:1'],
      lacks: ['filter_complex', 'libx264'],
    },
    {
      title: 'a program without audio',
      args: argsOf([rung(720)], { audio: undefined }),
      has: ['libx264'],
      lacks: ['0:a'],
    },
  ])('$title', ({ args, has, lacks }) => {
    for (const text of has) expect(args).toContain(text)
    for (const text of lacks) expect(args).not.toContain(text)
  })

  it('names the tracks in the order of the output; rungs with the same audio share it', () => {
    const rungs: EncoderRung[] = [
      { video: 'none', audio: aac(128_000) },
      rung(720),
      { video: videoRung(576), audio: aac(96_000) },
      { video: videoRung(360), audio: 'none' },
    ]
    expect(ladderPlan({ program: PROGRAM, rungs }).tracks).toEqual([
      { kind: 'video', rung: 1 },
      { kind: 'video', rung: 2 },
      { kind: 'video', rung: 3 },
      { kind: 'audio', rungs: [0, 1], track: 0 },
      { kind: 'audio', rungs: [0, 1], track: 1 },
      { kind: 'audio', rungs: [2], track: 0 },
      { kind: 'audio', rungs: [2], track: 1 },
    ])
  })
})
