/** A real Icecast, real encoders, a program of real coded sound with takes in it. */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Output } from '../../src/media/outputs/interface/output.ts'
import { decodeAudio, wholeFrames } from '../helpers/decoded-audio.ts'
import { IcecastServer, listen, type Listening } from '../helpers/icecast-server.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import {
  AUDIO_SPEC,
  AudioBench,
  audioMaterial,
  VIDEO_SPEC,
  type AudioMaterial,
} from '../helpers/audio-bench.ts'
import { until } from '../helpers/until.ts'

const missing = ['icecast2', 'ffmpeg'].filter(missingCommand)
const LONGEST_GAP = 0.03

it.skipIf(missingCommand('ffmpeg'))(
  'the judge of what listeners hear finds a gap of 40 ms, none of 20, and a damaged frame',
  async () => {
    const coded = (gapMs: number): Buffer => {
      const gap = `volume=0:enable='between(t,1,${1 + gapMs / 1_000})'`
      const sine = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=3', '-af', `asetnsamples=48,${gap}`]
      const output = ['-c:a', 'aac', '-b:a', '96k', '-f', 'adts', 'pipe:1']
      return spawnSync('ffmpeg', ['-nostdin', '-v', 'error', ...sine, ...output]).stdout
    }
    const judge = (recording: Buffer) => decodeAudio(recording, 'aac', LONGEST_GAP)
    // The encoder begins with its own silence.
    const late = ({ at }: { readonly at: number }): boolean => at > 0.2 && at < 2.9
    expect((await judge(coded(20))).silences.filter(late)).toEqual([])
    expect((await judge(coded(40))).silences.filter(late)).toHaveLength(1)
    const damaged = Buffer.from(coded(0))
    damaged.fill(0x55, 10_000, 10_100)
    expect((await judge(coded(0))).complaints).toEqual([])
    expect((await judge(damaged)).complaints).not.toEqual([])
  },
)

const detail = (output: Output, name: string): unknown => output.status().details?.[name]

/** Each test has a program and a mount of its own, and mostly waits for media time. */
describe
  .skipIf(missing.length > 0)
  .concurrent(
    `an Icecast output${missing.length > 0 ? ` (not installed: ${missing.join(', ')})` : ''}`,
    () => {
      let server: IcecastServer
      let material: { readonly video: AudioMaterial; readonly sound: AudioMaterial }

      beforeAll(async () => {
        server = await IcecastServer.start()
        material = {
          video: await audioMaterial(VIDEO_SPEC),
          sound: await audioMaterial(AUDIO_SPEC),
        }
      })
      afterAll(() => server?.stop())

      /** A program that ends with the test. */
      const start = async (
        onTestFinished: (end: () => Promise<void>) => void,
        of: AudioMaterial = material.sound,
      ): Promise<AudioBench> => {
        const bench = await AudioBench.start(of)
        onTestFinished(() => bench.close())
        return bench
      }

      const onMount = async (
        bench: AudioBench,
        mount: string,
        settings: object,
        icecast = server,
      ): Promise<Output> => {
        const output = bench.addOutput(icecast.sourceUrl(mount), settings)
        await until(
          async () =>
            output.status().state === 'running' && (await icecast.mount(mount)) !== undefined,
          { what: `${mount} runs` },
        )
        return output
      }

      const shows = (mount: string, title: string, icecast = server): Promise<void> =>
        until(async () => (await icecast.mount(mount))?.title === title, {
          what: `${mount} shows ${title}`,
        })

      const verdict = (listener: Listening, format: 'mp3' | 'aac' | 'opus') => {
        const recording =
          format === 'opus' ? listener.bytes() : wholeFrames(listener.bytes(), format)
        return decodeAudio(recording, format === 'opus' ? 'ogg' : format, LONGEST_GAP)
      }

      it.for([
        { format: 'mp3', channel: 'video' },
        { format: 'aac', channel: 'video' },
        { format: 'opus', channel: 'sound' },
        { format: 'mp3', channel: 'sound' },
      ] as const)(
        'has one login over takes, and a listener of $format hears no gap ($channel channel)',
        async ({ format, channel }, { onTestFinished }) => {
          const bench = await start(onTestFinished, material[channel])
          const mount = `/takes-${format}-${channel}`
          const output = await onMount(bench, mount, { format, bitrate: '64k', name: 'Radio Ö' })
          const listener = await listen(server.url(mount))
          const begun = performance.now()
          for (let taken = 0; taken < 10; taken++) {
            bench.rig.take(taken % 2 === 0 ? 'b' : 'a')
            await sleep(500)
          }
          await sleep(500)
          const heard = (performance.now() - begun) / 1_000
          listener.leave()
          const { complaints, silences, seconds } = await verdict(listener, format)
          expect(complaints).toEqual([])
          expect(silences).toEqual([])
          expect(seconds).toBeGreaterThan(heard * 0.9 - 1)
          expect(server.logins(mount)).toBe(1)
          expect(bench.rig.log.cuts.length).toBeGreaterThanOrEqual(11)
          const { reconnects, skips, errors } = output.status()
          expect({ reconnects, skips, errors }).toEqual({ reconnects: 0, skips: 0, errors: 0 })
        },
      )

      it.for(['mp3', 'aac', 'opus'] as const)(
        'keeps the connection and the %s listener when the encoder is killed, and when it hangs',
        async (format, { onTestFinished }) => {
          const bench = await start(onTestFinished)
          const mount = `/killed-${format}`
          const output = await onMount(bench, mount, { format, bitrate: '64k' })
          await until(() => detail(output, 'encoder') === 'encode', { what: 'the encoder runs' })
          const listener = await listen(server.url(mount))
          const begun = performance.now()
          await sleep(1_000)
          for (const signal of ['SIGKILL', 'SIGKILL', 'SIGSTOP'] as const) {
            const pid = detail(output, 'encoderPid')
            process.kill(pid as number, signal)
            await until(() => ![pid, undefined].includes(detail(output, 'encoderPid')), {
              what: `another encoder after ${signal}`,
            })
            await sleep(1_500)
          }
          const heard = (performance.now() - begun) / 1_000
          listener.leave()
          const { complaints, silences, seconds } = await verdict(listener, format)
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

      it('tells the mount the label of the source on air, each once', async ({
        onTestFinished,
      }) => {
        const bench = await start(onTestFinished)
        const mount = '/titles'
        const output = await onMount(bench, mount, {
          name: 'Radio Ö',
          genre: 'tones',
          public: false,
        })
        await shows(mount, 'label of a')
        bench.rig.take('b')
        await shows(mount, 'label of b')
        bench.rig.take('a')
        await shows(mount, 'label of a')
        // A title that is sent twice would be sent with the next one at the latest.
        bench.rig.take('b')
        await shows(mount, 'label of b')
        expect(detail(output, 'titles')).toBe(4)
        expect(await server.mount(mount)).toMatchObject({
          server_name: 'Radio Ö',
          genre: 'tones',
          server_type: 'audio/mpeg',
          bitrate: 128,
        })
      })

      it('comes back after Icecast threw it out, and tells the title again', async ({
        onTestFinished,
      }) => {
        const bench = await start(onTestFinished)
        const mount = '/thrown-out'
        const output = await onMount(bench, mount, {})
        await shows(mount, 'label of a')
        await server.killSource(mount)
        await until(() => output.status().reconnects === 1, { what: 'it is back' })
        await shows(mount, 'label of a')
        expect(server.logins(mount)).toBe(2)
        expect(output.status()).toMatchObject({
          state: 'running',
          // With what was under way still unread, a reset.
          lastError: expect.stringMatching(/closed the connection|ECONNRESET|EPIPE/),
        })
      })

      it('comes back after Icecast was down', async ({ onTestFinished }) => {
        const bench = await start(onTestFinished)
        const mount = '/down'
        const own = await IcecastServer.start()
        onTestFinished(() => own.stop())
        const output = await onMount(bench, mount, {}, own)
        await own.restart(1_000)
        await until(async () => (await own.mount(mount)) !== undefined, { what: 'it is back' })
        expect(output.status().reconnects).toBe(1)
        const listener = await listen(own.url(mount))
        await sleep(1_500)
        listener.leave()
        expect(await verdict(listener, 'mp3')).toMatchObject({ complaints: [], silences: [] })
      })

      it('says why Icecast refused it, alerts once, and never shows the password', async ({
        onTestFinished,
      }) => {
        const bench = await start(onTestFinished)
        const output = bench.addOutput(server.sourceUrl('/refused', 'wrong-secret'), {})
        await until(() => output.status().state === 'waiting', { what: 'it is refused' })
        expect(output.status().lastError).toMatch(
          /^Icecast refused it: 401 Authentication Required/,
        )
        expect(bench.alerts.map(({ what }) => what)).toEqual(['refused'])
        expect(JSON.stringify([output.status(), bench.alerts, bench.warnings])).not.toContain(
          'secret',
        )
      })

      it('takes the password from the environment', async ({ onTestFinished }) => {
        const bench = await start(onTestFinished)
        const url = `icecast://source@127.0.0.1:${server.port}/by-reference`
        const output = bench.addOutput(url, { password: '{env:ICECAST_PASSWORD}' })
        await until(() => output.status().state === 'running', { what: 'it is let in' })
      })

      it('cannot tell titles of Ogg, and says so', async ({ onTestFinished }) => {
        const bench = await start(onTestFinished)
        const output = await onMount(bench, '/opus-titles', { format: 'opus', bitrate: '64k' })
        expect(detail(output, 'titles')).toMatch(/not possible/)
      })

      it('refuses a channel without sound, and says so', async ({ onTestFinished }) => {
        const mute = await audioMaterial({ ...VIDEO_SPEC, audio: 'none', seconds: 4 })
        const bench = await start(onTestFinished, mute)
        const output = bench.addOutput(server.sourceUrl('/silent'), {})
        expect(output.status()).toMatchObject({
          state: 'failed',
          lastError: 'the channel has no audio',
        })
        expect(bench.alerts).toHaveLength(1)
      })
    },
  )
