import { describe, expect, it } from 'vitest'
import type { ElementaryProgram, ElementaryTrack } from '../../mpegts/demuxer.ts'
import { chooseTracks } from './track-choice.ts'

const video = (pid: number): ElementaryTrack => ({
  pid,
  kind: 'video',
  codec: 'h264',
  streamType: 0x1b,
  descriptors: new Uint8Array(),
})
const audio = (pid: number, language?: string): ElementaryTrack => ({
  pid,
  kind: 'audio',
  codec: 'aac',
  streamType: 0x0f,
  descriptors: new Uint8Array(),
  ...(language === undefined ? {} : { language }),
})
const programOf = (...tracks: ElementaryTrack[]): ElementaryProgram => ({
  number: 1,
  pmtPid: 16,
  pcrPid: 256,
  version: 0,
  tracks,
})

const AUTO = { video: 'auto', audio: 'auto' } as const

describe('the choice of tracks', () => {
  const cases = [
    {
      name: 'takes all audio while the format is open',
      spec: AUTO,
      tracks: [video(1), audio(2), audio(3)],
      languages: undefined,
      expected: { video: 1, audio: [2, 3] },
    },
    {
      name: 'matches by language',
      spec: AUTO,
      tracks: [video(1), audio(2, 'eng'), audio(3, 'deu')],
      languages: ['deu', 'eng'],
      expected: { video: 1, audio: [3, 2] },
    },
    {
      name: 'never leaves the first track empty for lack of a language',
      spec: AUTO,
      tracks: [video(1), audio(2, 'fra')],
      languages: ['deu'],
      expected: { video: 1, audio: [2] },
    },
    {
      name: 'fills a second track with silence rather than with a foreign language',
      spec: AUTO,
      tracks: [video(1), audio(2, 'deu'), audio(3, 'fra')],
      languages: ['deu', 'eng'],
      expected: { video: 1, audio: [2, undefined] },
    },
    {
      name: 'drops tracks that the program does not have',
      spec: AUTO,
      tracks: [video(1), audio(2), audio(3)],
      languages: [''],
      expected: { video: 1, audio: [2] },
    },
    {
      name: 'takes a track by number',
      spec: { video: 1, audio: 1 },
      tracks: [video(1), video(2), audio(3), audio(4)],
      languages: [''],
      expected: { video: 2, audio: [4] },
    },
    {
      name: 'takes no video when set to none',
      spec: { video: 'none', audio: 'auto' },
      tracks: [video(1), audio(2)],
      languages: [''],
      expected: { video: undefined, audio: [2] },
    },
    {
      name: 'takes one language',
      spec: { video: 'auto', audio: 'eng' },
      tracks: [video(1), audio(2, 'deu'), audio(3, 'eng')],
      languages: [''],
      expected: { video: 1, audio: [3] },
    },
    {
      name: 'leaves out scrambled tracks',
      spec: AUTO,
      tracks: [{ ...video(1), scrambled: true }, video(2), audio(3)],
      languages: [''],
      expected: { video: 2, audio: [3] },
    },
  ] as const
  it.each(cases)('$name', ({ spec, tracks, languages, expected }) => {
    expect(chooseTracks(programOf(...tracks), spec, languages)).toEqual(expected)
  })
})
