/** Real encoders on a real program: their output is compared with the program, sample by sample. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeAudio } from '../../../../test/helpers/decoded-audio.ts'
import { FramesRig } from '../../../../test/helpers/frames-rig.ts'
import { loopMaterial } from '../../../../test/helpers/looped-stream.ts'
import { missingCommand } from '../../../../test/helpers/missing-command.ts'
import { testHost, type TestHost } from '../../../../test/helpers/process-host.ts'
import { rigSlate } from '../../../../test/helpers/program-rig.ts'
import { RigSource } from '../../../../test/helpers/rig-source.ts'
import type { EncodeSpec } from '../../../../test/helpers/stream-builder.ts'
import type { AudioEncoding } from '../../../ffmpeg/audio-encode-arguments.ts'
import { realClock } from '../../../lib/clock.ts'
import { AudioEncoder } from './audio-encoder.ts'
import { ProgramAudio } from './program-audio.ts'

const SOUND = { codec: 'none', seconds: 30, audioBitrate: '96k' } as const
/** Lead of the program, which waits for the encoder: a slow machine makes the test slow, not wrong. */
const AHEAD_MS = 1_500
const DEMUXERS = { mp3: 'mp3', aac: 'aac', opus: 'ogg' } as const

interface Scene {
  readonly encoder: AudioEncoder
  readonly rig: FramesRig
  readonly recording: () => Buffer
  readonly playedMs: () => number
  play(ms: number): Promise<void>
  end(): Promise<void>
}

describe.skipIf(missingCommand('ffmpeg'))('the audio encoder', () => {
  let host: TestHost
  let scene: Scene
  beforeEach(() => void (host = testHost()))
  afterEach(async () => {
    await scene.end()
    host.close()
  })

  const begin = async (
    spec: Partial<EncodeSpec>,
    format: AudioEncoding,
    bitrate = 64_000,
  ): Promise<Scene> => {
    const material = await loopMaterial({ ...SOUND, ...spec })
    const rig = new FramesRig({
      clock: realClock,
      material,
      slate: await rigSlate({ ...SOUND, ...spec, seconds: 2 }),
      sources: [new RigSource({ id: 'a', material })],
    })
    rig.setWanted('a')
    const audio = new ProgramAudio({
      frames: rig.program.frames,
      keepMs: 10_000,
      onFault: (error) => {
        throw error
      },
    })
    const parts: Buffer[] = []
    let ms = 0
    const encoder = new AudioEncoder({
      host: host.host,
      clock: realClock,
      random: Math.random,
      ffmpeg: 'ffmpeg',
      audio,
      wanted: { format, bitrate },
      program: material.audioFormat!,
      burstMs: 0,
      purpose: 'test',
      onUnit: (unit) => {
        parts.push(Buffer.from(unit.bytes))
        ms += unit.ms
      },
      onLine: () => {},
      warn: () => {},
    })
    const stop = new AbortController()
    rig.run(2_500)
    const from = rig.log.audioFrames.length
    const detach = audio.attach()
    const running = encoder.run(stop.signal)
    const playedMs = (): number =>
      rig.log.audioFrames.slice(from).reduce((sum, { duration }) => sum + duration / 90, 0)
    const signal = AbortSignal.timeout(60_000)
    return {
      encoder,
      rig,
      playedMs,
      recording: () => Buffer.concat([encoder.head ?? Buffer.alloc(0), ...parts]),
      play: (length) => rig.runFast(length, () => playedMs() - ms < AHEAD_MS, signal),
      end: async () => {
        for (let left = 100; left > 0 && playedMs() - ms > 250; left--) await sleep(50)
        stop.abort()
        await running
        detach()
      },
    }
  }

  it.each([
    { format: 'mp3', spec: { audio: 'aac' } },
    { format: 'aac', spec: { audio: 'mp2', audioBitrate: '192k' } },
    { format: 'opus', spec: { audio: 'ac3', audioBitrate: '192k' } },
    { format: 'mp3', spec: { audio: 'mp3', audioBitrate: '128k' } },
    { format: 'opus', spec: { audio: 'aac', sampleRate: 44_100 } },
    { format: 'mp3', spec: { audio: 'eac3', audioBitrate: '192k', channels: 1 } },
  ] as const)(
    'gives all the audio of $spec.audio as $format, over three kills',
    async ({ format, spec }) => {
      scene = await begin(spec, format)
      for (let kill = 0; kill < 3; kill++) {
        await scene.play(2_000 + kill * 137)
        const { restarts, pid } = scene.encoder.figures()
        process.kill(pid!, 'SIGKILL')
        await scene.play(300)
        while (scene.encoder.figures().restarts === restarts) await sleep(10)
      }
      await scene.play(2_000)
      await scene.end()
      expect(scene.encoder.figures()).toMatchObject({ mode: 'encode', restarts: 3, lostMs: 0 })
      const decoded = await decodeAudio(scene.recording(), DEMUXERS[format], 0.02)
      expect(decoded.complaints).toEqual([])
      // The first frames of an encoder are silence of its own.
      expect(decoded.silences.filter(({ at }) => at > 0.1)).toEqual([])
      expect(decoded.seconds * 1_000).toBeGreaterThan(scene.playedMs() - 300)
      expect(decoded.seconds * 1_000).toBeLessThan(scene.playedMs() + 50)
    },
  )

  it('copies AAC that is little above the wanted bitrate, and starts no process', async () => {
    scene = await begin({ audio: 'aac', audioBitrate: '96k' }, 'aac', 96_000)
    await scene.play(5_000)
    await scene.end()
    expect(scene.encoder.figures()).toMatchObject({ mode: 'copy', restarts: 0 })
    expect(scene.encoder.figures().pid).toBeUndefined()
    const { complaints, silences } = await decodeAudio(scene.recording(), 'aac', 0.02)
    expect({ complaints, silences: silences.filter(({ at }) => at > 0.1) }).toEqual({
      complaints: [],
      silences: [],
    })
  })

  it('goes over to coding where the program has more bitrate than was asked for, without a seam', async () => {
    scene = await begin({ audio: 'aac', audioBitrate: '128k' }, 'aac', 64_000)
    await scene.play(6_000)
    await scene.end()
    expect(scene.encoder.figures().mode).toBe('encode')
    const { complaints, silences, samples } = await decodeAudio(scene.recording(), 'aac', 0.02)
    expect({ complaints, silences: silences.filter(({ at }) => at > 0.1) }).toEqual({
      complaints: [],
      silences: [],
    })
    expect(scene.playedMs() - samples.length / 48).toBeLessThan(300)
  })

  it('restarts an encoder that hangs, and loses nothing', async () => {
    scene = await begin({ audio: 'aac' }, 'mp3')
    await scene.play(2_000)
    process.kill(scene.encoder.figures().pid!, 'SIGSTOP')
    // At the pace of real time.
    for (let step = 0; step < 20 && scene.encoder.figures().stuck === 0; step++) {
      scene.rig.run(200)
      await sleep(200)
    }
    await scene.play(1_000)
    await scene.end()
    expect(scene.encoder.figures()).toMatchObject({ restarts: 1, stuck: 1, lostMs: 0 })
    const { complaints, silences, seconds } = await decodeAudio(scene.recording(), 'mp3', 0.02)
    expect({ complaints, silences: silences.filter(({ at }) => at > 0.1) }).toEqual({
      complaints: [],
      silences: [],
    })
    expect(seconds * 1_000).toBeGreaterThan(scene.playedMs() - 300)
  })
})
