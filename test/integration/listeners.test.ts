/** Listeners over HTTP without an Icecast: real encoders, real sockets, a program of real coded sound. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { channelId, outputId } from '../../src/contract/ids.ts'
import { readPath } from '../../src/contract/paths.ts'
import { Listeners, type ListenerTimes } from '../../src/media/outputs/audio/listeners.ts'
import { decodeAudio, wholeFrames } from '../helpers/decoded-audio.ts'
import { listen, type Listening } from '../helpers/icecast-server.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import {
  AUDIO_SPEC,
  AudioBench,
  audioMaterial,
  VIDEO_SPEC,
  type AudioMaterial,
} from '../helpers/audio-bench.ts'
import { until } from '../helpers/until.ts'

const LONGEST_GAP = 0.03

interface Scene {
  readonly bench: AudioBench
  readonly listeners: Listeners
  readonly address: string
  /** Who came and went. */
  readonly told: string[]
}

type OnTestFinished = (end: () => Promise<void>) => void

/** Each test has a program of its own, and mostly waits for media time. */
describe.skipIf(missingCommand('ffmpeg')).concurrent('listeners over HTTP (needs ffmpeg)', () => {
  let material: { readonly video: AudioMaterial; readonly sound: AudioMaterial }

  beforeAll(async () => {
    material = { video: await audioMaterial(VIDEO_SPEC), sound: await audioMaterial(AUDIO_SPEC) }
  })

  const begin = async (
    onTestFinished: OnTestFinished,
    kind: 'video' | 'sound' = 'sound',
    settings: object = {},
    times: Partial<ListenerTimes> = {},
  ): Promise<Scene> => {
    const bench = await AudioBench.start(material[kind], {
      name: 'Radio Ö',
      listeners: { bitrate: '64k', ...settings },
    })
    const told: string[] = []
    const listeners = new Listeners({
      id: outputId('listeners'),
      context: bench.context,
      frames: bench.rig.program.frames,
      times,
      log: {
        joined: ({ id, path, agent }) => told.push(`${id} joined ${path} (${agent})`),
        left: ({ id, path }, reason = 'by itself') => told.push(`${id} left ${path} ${reason}`),
      },
    })
    bench.runOutput(listeners)
    const server = createServer((request, response) => {
      const path = readPath(request.url ?? '', channelId('main'))
      if (path === undefined || !listeners.serve(request, response, path))
        response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await bench.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    const { port } = server.address() as AddressInfo
    return { bench, listeners, address: `http://127.0.0.1:${port}`, told }
  }

  const verdict = (recording: Buffer, format: 'mp3' | 'aac' | 'opus') =>
    decodeAudio(
      format === 'opus' ? recording : wholeFrames(recording, format),
      format === 'opus' ? 'ogg' : format,
      LONGEST_GAP,
    )

  const takes = async (bench: AudioBench, count: number): Promise<void> => {
    for (let taken = 0; taken < count; taken++) {
      bench.rig.take(taken % 2 === 0 ? 'b' : 'a')
      await sleep(400)
    }
  }

  it('reports who comes and goes, and disconnects one of them', async ({ onTestFinished }) => {
    const { listeners, address, told } = await begin(onTestFinished)
    const headers = { 'User-Agent': 'radio' }
    const own = new AbortController()
    await fetch(`${address}/listen.mp3`, { headers, signal: own.signal })
    await fetch(`${address}/listen.aac`, { headers })
    expect(told).toEqual(['1 joined /listen.mp3 (radio)', '2 joined /listen.aac (radio)'])
    expect(listeners.disconnect('/listen.mp3', 2)).toBe(false)
    expect(listeners.disconnect('/listen.aac', 2)).toBe(true)
    await until(() => told.length === 3, { what: 'one has left' })
    own.abort()
    await until(() => told.length === 4, { what: 'both have left' })
    expect(told.slice(2)).toEqual([
      '2 left /listen.aac an operator ended it',
      '1 left /listen.mp3 by itself',
    ])
  })

  it.for([
    { path: '/listen.mp3', format: 'mp3', type: 'audio/mpeg', kind: 'video' },
    { path: '/channels/main/listen.aac', format: 'aac', type: 'audio/aac', kind: 'video' },
    { path: '/listen.opus', format: 'opus', type: 'application/ogg', kind: 'sound' },
    { path: '/channels/main/listen.mp3', format: 'mp3', type: 'audio/mpeg', kind: 'sound' },
  ] as const)(
    'gives $path without a gap over takes and a killed encoder ($kind channel)',
    async ({ path, format, type, kind }, { onTestFinished }) => {
      const { bench, listeners, address } = await begin(onTestFinished, kind)
      await sleep(1_000)
      const begun = performance.now()
      const listener = await listen(address + path)
      await takes(bench, 5)
      const killed = encoderPid(listeners, format)
      if (killed !== undefined) process.kill(killed, 'SIGKILL')
      await takes(bench, 6)
      const heard = (performance.now() - begun) / 1_000
      listener.leave()
      const { complaints, silences, seconds } = await verdict(listener.bytes(), format)
      expect({ complaints, silences }).toEqual({ complaints: [], silences: [] })
      // What is before the live edge comes first.
      expect(seconds).toBeGreaterThan(heard)
      expect(killed).toBeDefined()
      expect(listeners.status().details?.['encoderRestarts']).toBe(1)
      expect(listener.headers).toMatchObject({ 'content-type': type, 'icy-br': '64' })
      expect(listener.headers).not.toHaveProperty('transfer-encoding')
      expect(listener.headers).not.toHaveProperty('content-length')
      expect(Buffer.from(String(listener.headers['icy-name']), 'latin1').toString()).toBe('Radio Ö')
    },
  )

  it('tells titles between the frames to those who ask, and changes them on takes', async ({
    onTestFinished,
  }) => {
    const { bench, address } = await begin(onTestFinished)
    const listener = await listen(`${address}/listen.mp3`, { 'Icy-MetaData': '1' })
    const shows = (label: string) =>
      until(() => unframed(listener).titles.includes(`StreamTitle='${label}';`), { what: label })
    await shows('label of a')
    bench.rig.take('b')
    await shows('label of b')
    await sleep(1_000)
    listener.leave()
    const { sound, titles } = unframed(listener)
    expect(titles.filter((title) => title !== '')).toEqual([
      "StreamTitle='label of a';",
      "StreamTitle='label of b';",
    ])
    expect(await verdict(sound, 'mp3')).toMatchObject({ complaints: [], silences: [] })
  })

  it('begins every later listener with about two seconds of the newest sound', async ({
    onTestFinished,
  }) => {
    const { address } = await begin(onTestFinished)
    const first = await listen(`${address}/listen.mp3`)
    await untilHeard(first, 4)
    for (const format of ['mp3', 'opus'] as const) {
      const begun = performance.now()
      const late = await listen(`${address}/listen.${format}`)
      await sleep(700)
      const heard = (performance.now() - begun) / 1_000
      late.leave()
      const { complaints, seconds } = await verdict(late.bytes(), format)
      expect(complaints).toEqual([])
      expect(seconds).toBeGreaterThan(heard + 1)
      expect(seconds).toBeLessThan(heard + 3)
    }
    first.leave()
  })

  it('codes once for all, and ends the encoder some time after the last one left', async ({
    onTestFinished,
  }) => {
    const { listeners, address } = await begin(onTestFinished, 'sound', {}, { idleMs: 500 })
    const many = await Promise.all(
      Array.from({ length: 30 }, () => listen(`${address}/listen.mp3`)),
    )
    await untilHeard(many[29]!, 2)
    expect(listeners.status().details).toMatchObject({
      listeners: 30,
      mp3Listeners: 30,
      mp3Encoder: 'encode',
      aacEncoder: 'off',
    })
    for (const each of many) each.leave()
    const detail = (name: string): unknown => listeners.status().details?.[name]
    await until(() => detail('listeners') === 0, { what: 'all have left' })
    expect(detail('mp3Encoder')).toBe('encode')
    await until(() => detail('mp3Encoder') === 'off', { what: 'the encoder has ended' })
    expect(await verdict(many[29]!.bytes(), 'mp3')).toMatchObject({ complaints: [], silences: [] })
    const again = await listen(`${address}/listen.mp3`)
    await untilHeard(again, 2)
    again.leave()
    expect(await verdict(again.bytes(), 'mp3')).toMatchObject({ complaints: [], silences: [] })
  })

  it('refuses above the limit with the limit, answers HEAD and preflights, and no other method', async ({
    onTestFinished,
  }) => {
    const { address } = await begin(onTestFinished, 'sound', { maxListeners: 1 })
    const first = await listen(`${address}/listen.mp3`)
    const second = await fetch(`${address}/listen.aac`)
    expect(second.status).toBe(503)
    expect(await second.json()).toMatchObject({
      error: 'too_many_viewers',
      message: 'the limit of 1 listeners is reached',
    })
    const head = await fetch(`${address}/listen.mp3`, {
      method: 'HEAD',
      headers: { 'Icy-MetaData': '1' },
    })
    expect(head.status).toBe(200)
    expect(head.headers.get('icy-metaint')).toBe('16000')
    expect(head.headers.get('access-control-allow-origin')).toBe('*')
    const preflight = await fetch(`${address}/listen.mp3`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Icy-MetaData')
    expect((await fetch(`${address}/listen.mp3`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${address}/listen.flac`)).status).toBe(404)
    first.leave()
  })

  /** The encoder process of a coding, from its figures. */
  const encoderPid = (listeners: Listeners, format: string): number | undefined =>
    listeners.status().details?.[`${format}EncoderPid`] as number | undefined
})

/** So many seconds at 64 kbit/s have come. */
const untilHeard = (listener: Listening, count: number): Promise<void> =>
  until(() => listener.bytes().length >= count * 8_000, { what: `${count} seconds of sound` })

/** The sound and the blocks between it. */
const unframed = (listener: Listening): { sound: Buffer; titles: string[] } => {
  const metaint = Number(listener.headers['icy-metaint'])
  const bytes = listener.bytes()
  const sound: Buffer[] = []
  const titles: string[] = []
  for (let at = 0; at < bytes.length;) {
    sound.push(bytes.subarray(at, at + metaint))
    at += metaint
    if (at >= bytes.length) break
    const length = bytes[at]! * 16
    if (at + 1 + length > bytes.length) break
    titles.push(
      bytes
        .subarray(at + 1, at + 1 + length)
        .toString('utf8')
        .replace(/\0+$/, ''),
    )
    at += 1 + length
  }
  return { sound: Buffer.concat(sound), titles }
}
