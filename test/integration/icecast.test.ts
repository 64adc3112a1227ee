/** A real Icecast, real encoders, a program of real coded sound with takes in it. */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Output } from '../../src/media/outputs/interface/output.ts'
import { decodeSound, wholeFrames } from '../helpers/decoded-sound.ts'
import { IcecastServer, listen, type Listening } from '../helpers/icecast-server.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import {
  SOUND_SPEC,
  SoundBench,
  soundMaterial,
  VIDEO_SPEC,
  type SoundMaterial,
} from '../helpers/sound-bench.ts'

const missing = ['icecast2', 'ffmpeg'].filter(missingCommand)
const LONGEST_GAP = 0.03

const until = async (holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> => {
  for (const end = performance.now() + withinMs; performance.now() < end;) {
    if (await holds()) return
    await sleep(50)
  }
  throw new Error(`not within ${withinMs} ms: ${holds.toString()}`)
}

it.skipIf(missingCommand('ffmpeg'))(
  'the judge of what listeners hear finds a gap of 40 ms, none of 20, and a damaged frame',
  () => {
    const coded = (gapMs: number): Buffer => {
      const gap = `volume=0:enable='between(t,1,${1 + gapMs / 1_000})'`
      const sine = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=3', '-af', `asetnsamples=48,${gap}`]
      const output = ['-c:a', 'aac', '-b:a', '96k', '-f', 'adts', 'pipe:1']
      return spawnSync('ffmpeg', ['-nostdin', '-v', 'error', ...sine, ...output]).stdout
    }
    const judge = (recording: Buffer) => decodeSound(recording, 'aac', LONGEST_GAP)
    // The encoder begins with its own silence.
    const late = ({ at }: { readonly at: number }): boolean => at > 0.2 && at < 2.9
    expect(judge(coded(20)).silences.filter(late)).toEqual([])
    expect(judge(coded(40)).silences.filter(late)).toHaveLength(1)
    const damaged = Buffer.from(coded(0))
    damaged.fill(0x55, 10_000, 10_100)
    expect(judge(coded(0)).complaints).toEqual([])
    expect(judge(damaged).complaints).not.toEqual([])
  },
)

const detail = (output: Output, name: string): unknown => output.status().details?.[name]

describe.skipIf(missing.length > 0)(
  `an Icecast output${missing.length > 0 ? ` (not installed: ${missing.join(', ')})` : ''}`,
  () => {
    let server: IcecastServer
    let material: { readonly video: SoundMaterial; readonly sound: SoundMaterial }
    let bench: SoundBench

    beforeAll(async () => {
      server = await IcecastServer.start()
      material = { video: await soundMaterial(VIDEO_SPEC), sound: await soundMaterial(SOUND_SPEC) }
    })
    afterAll(() => server?.stop())
    afterEach(() => bench?.close())

    const onMount = async (mount: string, settings: object): Promise<Output> => {
      const output = bench.open(server.sourceUrl(mount), settings)
      await until(
        async () =>
          output.status().state === 'running' && (await server.mount(mount)) !== undefined,
      )
      return output
    }

    const takes = async (count: number, everyMs: number): Promise<void> => {
      for (let taken = 0; taken < count; taken++) {
        bench.rig.take(taken % 2 === 0 ? 'b' : 'a')
        await sleep(everyMs)
      }
    }

    const verdict = (listener: Listening, format: 'mp3' | 'aac' | 'opus') => {
      const recording = format === 'opus' ? listener.bytes() : wholeFrames(listener.bytes(), format)
      return decodeSound(recording, format === 'opus' ? 'ogg' : format, LONGEST_GAP)
    }

    it.each([
      { format: 'mp3', channel: 'video' },
      { format: 'aac', channel: 'video' },
      { format: 'opus', channel: 'sound' },
      { format: 'mp3', channel: 'sound' },
    ] as const)(
      'has one login over takes, and a listener of $format hears no gap ($channel channel)',
      async ({ format, channel }) => {
        bench = await SoundBench.start(material[channel])
        const mount = `/takes-${format}-${channel}`
        const output = await onMount(mount, { format, bitrate: '64k', name: 'Radio Ö' })
        const listener = await listen(server.url(mount))
        const begun = performance.now()
        await takes(10, 500)
        await sleep(500)
        const heard = (performance.now() - begun) / 1_000
        listener.leave()
        const { complaints, silences, seconds } = verdict(listener, format)
        expect(complaints).toEqual([])
        expect(silences).toEqual([])
        expect(seconds).toBeGreaterThan(heard * 0.9 - 1)
        expect(server.logins(mount)).toBe(1)
        expect(bench.rig.log.cuts.length).toBeGreaterThanOrEqual(11)
        const { reconnects, skips, errors } = output.status()
        expect({ reconnects, skips, errors }).toEqual({ reconnects: 0, skips: 0, errors: 0 })
      },
    )

    it.each(['mp3', 'aac', 'opus'] as const)(
      'keeps the connection and the %s listener when the encoder is killed, and when it hangs',
      async (format) => {
        bench = await SoundBench.start(material.sound)
        const mount = `/killed-${format}`
        const output = await onMount(mount, { format, bitrate: '64k' })
        await until(() => detail(output, 'encoder') === 'encode')
        const listener = await listen(server.url(mount))
        const begun = performance.now()
        await sleep(1_000)
        for (const signal of ['SIGKILL', 'SIGKILL', 'SIGSTOP'] as const) {
          const pid = detail(output, 'encoderPid')
          process.kill(pid as number, signal)
          await until(() => ![pid, undefined].includes(detail(output, 'encoderPid')))
          await sleep(1_500)
        }
        const heard = (performance.now() - begun) / 1_000
        listener.leave()
        const { complaints, silences, seconds } = verdict(listener, format)
        expect(complaints).toEqual([])
        expect(silences).toEqual([])
        expect(seconds).toBeGreaterThan(heard * 0.9 - 1)
        expect(server.logins(mount)).toBe(1)
        expect(output.status()).toMatchObject({
          state: 'running',
          reconnects: 0,
          details: { lostMs: 0 },
        })
        // On a machine that stands still for seconds an encoder may be taken for a hung one.
        expect(detail(output, 'encoderRestarts')).toBeGreaterThanOrEqual(3)
        expect(detail(output, 'encoderStuck')).toBeGreaterThanOrEqual(1)
      },
    )

    it('tells the mount the label of the source on air, each once', async () => {
      bench = await SoundBench.start(material.sound)
      const mount = '/titles'
      const output = await onMount(mount, {
        name: 'Radio Ö',
        genre: 'tones',
        public: false,
      })
      const shows = (title: string) => async () => (await server.mount(mount))?.title === title
      await until(shows('label of a'))
      bench.rig.take('b')
      await until(shows('label of b'))
      bench.rig.take('a')
      await until(shows('label of a'))
      await sleep(2_500)
      expect(detail(output, 'titles')).toBe(3)
      expect(await server.mount(mount)).toMatchObject({
        server_name: 'Radio Ö',
        genre: 'tones',
        server_type: 'audio/mpeg',
        bitrate: 128,
      })
    })

    it('comes back after Icecast threw it out, and tells the title again', async () => {
      bench = await SoundBench.start(material.sound)
      const mount = '/thrown-out'
      const output = await onMount(mount, {})
      await until(async () => (await server.mount(mount))?.title === 'label of a')
      await server.killSource(mount)
      await until(() => output.status().reconnects === 1)
      await until(async () => (await server.mount(mount))?.title === 'label of a')
      expect(server.logins(mount)).toBe(2)
      expect(output.status()).toMatchObject({
        state: 'running',
        // With what was under way still unread, a reset.
        lastError: expect.stringMatching(/closed the connection|ECONNRESET|EPIPE/),
      })
    })

    it('comes back after Icecast was down', async () => {
      bench = await SoundBench.start(material.sound)
      const mount = '/down'
      const output = await onMount(mount, {})
      await server.restart(1_000)
      await until(async () => (await server.mount(mount)) !== undefined)
      expect(output.status().reconnects).toBe(1)
      const listener = await listen(server.url(mount))
      await sleep(1_500)
      listener.leave()
      expect(verdict(listener, 'mp3')).toMatchObject({ complaints: [], silences: [] })
    })

    it('says why Icecast refused it, alerts once, and never shows the password', async () => {
      bench = await SoundBench.start(material.sound)
      const output = bench.open(server.sourceUrl('/refused', 'wrong-secret'), {})
      await until(() => output.status().state === 'waiting')
      expect(output.status().lastError).toMatch(/^Icecast refused it: 401 Authentication Required/)
      expect(bench.alerts.map(({ what }) => what)).toEqual(['refused'])
      expect(JSON.stringify([output.status(), bench.alerts, bench.warnings])).not.toContain(
        'secret',
      )
    })

    it('takes the password from the environment', async () => {
      bench = await SoundBench.start(material.sound)
      const url = `icecast://source@127.0.0.1:${server.port}/by-reference`
      const output = bench.open(url, { password: '{env:ICECAST_PASSWORD}' })
      await until(() => output.status().state === 'running')
    })

    it('cannot tell titles of Ogg, and says so', async () => {
      bench = await SoundBench.start(material.sound)
      const output = await onMount('/opus-titles', { format: 'opus', bitrate: '64k' })
      expect(detail(output, 'titles')).toMatch(/not possible/)
    })

    it('refuses a channel without sound, and says so', async () => {
      bench = await SoundBench.start(
        await soundMaterial({ ...VIDEO_SPEC, audio: 'none', seconds: 4 }),
      )
      const output = bench.open(server.sourceUrl('/silent'), {})
      expect(output.status()).toMatchObject({
        state: 'failed',
        lastError: 'the channel has no sound',
      })
      expect(bench.alerts).toHaveLength(1)
    })
  },
)
