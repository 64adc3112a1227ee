/** Pushes of a real program to a server that sees every message, and misbehaves: sockets and time are real. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { decodeAmf } from '../../src/rtmp/amf0-reader.ts'
import { AMF0_DATA, AUDIO, VIDEO } from '../../src/rtmp/message.ts'
import { selfSigned } from '../helpers/certificate.ts'
import { flvOf } from '../helpers/flv-file.ts'
import { decoderErrors, ffprobe } from '../helpers/ffmpeg-tools.ts'
import { missingCommand } from '../helpers/missing-command.ts'
import { skipNote, missingTool } from '../helpers/oracles.ts'
import { startPush, type PushRigOptions } from '../helpers/push-rig.ts'
import { RtmpReceiver, type ReceivedPublish } from '../helpers/rtmp-receiver.ts'
import type { EncodeSpec } from '../helpers/stream-builder.ts'

const missing = missingTool('ffmpeg', 'ffprobe')
const KEY = 'live_4242_sEcReT'
const SMALL = { size: '160x90', videoBitrate: '60k', audioBitrate: '48k', seconds: 24, gop: 25 }
const PICTURE = {
  a: { ...SMALL, bframes: 2 },
  b: { ...SMALL, seed: 3, tone: 880, bframes: 3, extra: ['-refs', '5'] },
}
/** Fills the buffers of both kernels within seconds. */
const HEAVY = {
  ...SMALL,
  size: '640x360',
  videoBitrate: '30M',
  seconds: 13,
  extra: [
    '-vf',
    'noise=alls=100:allf=t',
    '-preset',
    'ultrafast',
    '-maxrate',
    '30M',
    '-bufsize',
    '3M',
  ],
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-push-'))
  return () => rmSync(folder, { recursive: true, force: true })
})

const start = async (
  { onTestFinished }: TestContext,
  options: Partial<PushRigOptions> = {},
  receiver: Parameters<typeof RtmpReceiver.start>[0] = {},
) => {
  const server = await RtmpReceiver.start(receiver)
  const host = receiver.tls === undefined ? 'rtmp://127.0.0.1' : 'rtmps://localhost'
  const url = `${host}:${server.port}/live/${KEY}`
  const push = await startPush({ ...PICTURE, url, ...options })
  onTestFinished(async () => {
    await push.stop()
    await server.stop()
  })
  return { server, push }
}

const flowing = (publish: ReceivedPublish | undefined, pictures = 10): boolean =>
  (publish?.messagesOf(VIDEO).length ?? 0) > pictures

const isKey = (payload: Uint8Array): boolean => payload[0]! >> 4 === 1 && payload[1] === 1
const isHeader = (payload: Uint8Array): boolean => payload[1] === 0

/** Everything that ever arrived, as one file: what a player that stayed would have got. */
const write = (name: string, publishes: readonly ReceivedPublish[]): string => {
  const path = join(folder, name)
  writeFileSync(path, flvOf(publishes.flatMap(({ messages }) => messages)))
  return path
}

const rising = (times: readonly number[]): boolean =>
  times.every((time, at) => at === 0 || time > times[at - 1]!)

/** Each test has a program and a server of its own, and mostly waits for media time. */
describe.skipIf(missing !== undefined).concurrent(`a push${skipNote(missing)}`, () => {
  it('begins with metadata and headers, at a key frame, at 0, and stays through takes', async (context) => {
    const { server, push } = await start(context)
    await push.until(() => flowing(server.publishes[0]))
    for (const id of ['b', 'a', 'b', 'slate', 'a']) {
      push.rig.take(id)
      await sleep(700)
    }
    const [publish] = server.publishes
    expect(server.publishes.length).toBe(1)
    expect(publish!.name).toBe(KEY)
    const media = publish!.messages.filter(({ type }) => [AMF0_DATA, AUDIO, VIDEO].includes(type))
    expect(
      media
        .slice(0, 3)
        .map(({ type, payload }) => [type, type === VIDEO && isHeader(payload), isKey(payload)]),
    ).toEqual([
      [AMF0_DATA, false, false],
      [VIDEO, true, false],
      [VIDEO, false, true],
    ])
    expect(media[1]!.time).toBe(0)
    expect(decodeAmf(media[0]!.payload).values).toMatchObject([
      '@setDataFrame',
      'onMetaData',
      { entries: { width: 160, height: 90, videocodecid: 7, audiocodecid: 10 } },
    ])
    // The sources' encoders differ, so each cut brings its own parameter sets, right before its key frame.
    const video = publish!.messagesOf(VIDEO)
    const headers = video.flatMap(({ payload }, at) => (isHeader(payload) ? [at] : []))
    expect(headers.length).toBeGreaterThanOrEqual(5)
    expect(headers.every((at) => isKey(video[at + 1]!.payload))).toBe(true)
    for (const type of [VIDEO, AUDIO]) {
      const frames = publish!.messagesOf(type).filter(({ payload }) => !isHeader(payload))
      expect(rising(frames.map(({ time }) => time))).toBe(true)
    }
    expect(await decoderErrors(write('takes.flv', server.publishes))).toBe('')
    expect(push.status()).toMatchObject({ state: 'running', reconnects: 0, skips: 0, errors: 0 })
  })

  it.for<[string, (publish: ReceivedPublish) => unknown]>([
    ['ends', (publish: ReceivedPublish) => publish.socket.destroy()],
    ['is reset', (publish: ReceivedPublish) => publish.socket.resetAndDestroy()],
    ['is half closed', (publish: ReceivedPublish) => publish.socket.end()],
  ])(
    'comes back when the connection %s: at a key frame, with headers, in the same time',
    async ([, act], context) => {
      const { server, push } = await start(context)
      await push.until(() => flowing(server.publishes[0], 40))
      const lostAt = performance.now()
      act(server.publishes[0]!)
      await push.until(() => push.status().state === 'waiting', 3_000)
      await push.until(() => flowing(server.publishes[1], 40))
      const [before, after] = server.publishes
      // 1 s at most by the backoff, a key frame every second, and a slow machine.
      expect(after!.messagesOf(VIDEO)[0]!.at - lostAt).toBeLessThan(10_000)
      const first = after!.messages
        .filter(({ type }) => [AMF0_DATA, VIDEO].includes(type))
        .slice(0, 3)
      expect(first.map(({ type, payload }) => [type, isKey(payload)])).toEqual([
        [AMF0_DATA, false],
        [VIDEO, false],
        [VIDEO, true],
      ])
      const elapsed = after!.messagesOf(VIDEO)[1]!.time - before!.messagesOf(VIDEO).at(-1)!.time
      expect(elapsed).toBeGreaterThan(0)
      expect(elapsed).toBeLessThan(11_000)
      const times = server.publishes.flatMap((publish) =>
        publish.messagesOf(VIDEO).filter(({ payload }) => !isHeader(payload)),
      )
      expect(rising(times.map(({ time }) => time))).toBe(true)
      expect(push.status()).toMatchObject({
        state: 'running',
        reconnects: 1,
        skips: 0,
        details: { connections: 2 },
      })
    },
  )

  it('a refused key is told once as an alert, without the key, and tried again later', async (context) => {
    const { server, push } = await start(context, {}, { refuse: () => 'NetStream.Publish.BadName' })
    await push.until(() => push.alerts.length > 0)
    expect(push.status()).toMatchObject({
      state: 'waiting',
      lastError: 'NetStream.Publish.BadName: *** asked',
      url: `rtmp://127.0.0.1:${server.port}/live/***`,
    })
    await sleep(3_000)
    // Longer than the backoff of a lost connection.
    expect(server.publishes.length).toBe(1)
    expect(push.alerts).toEqual([expect.stringMatching(/^refused: output push: rtmp:.*BadName/)])
    expect(JSON.stringify([push.status(), push.alerts, push.warnings])).not.toContain(KEY)
  })

  it('looks its key up at each connection; a missing one is named', async (context) => {
    const file = join(folder, 'key')
    const { server, push } = await start(context, {
      url: 'rtmp://127.0.0.1:1/live',
      push: { key: `{file:${file}}` },
    })
    await push.until(() => push.status().errors > 0)
    expect(push.status().lastError).toMatch(`output push, push.key: ${file} cannot be read`)
    expect(server.publishes.length).toBe(0)
    writeFileSync(file, `${KEY}\n`)
    const address = `rtmp://127.0.0.1:${server.port}/live`
    const again = await startPush({
      ...PICTURE,
      url: `${address}/{env:PUSH_KEY}?a=b`,
      env: { PUSH_KEY: KEY },
    })
    await again.until(() => flowing(server.publishes[0]))
    expect(server.publishes[0]!.name).toBe(`${KEY}?a=b`)
    expect(again.status().url).toBe(`${address}/{env:PUSH_KEY}?a=b`)
    await again.stop()
  })

  it('adds silence that players decode where the program has no sound', async (context) => {
    const mute = { ...SMALL, audio: 'none' } as const
    const { server, push } = await start(context, { a: mute, b: mute })
    await push.until(() => flowing(server.publishes[0], 60))
    const file = write('silence.flv', server.publishes)
    expect(await decoderErrors(file)).toBe('')
    const { streams } = await ffprobe(file)
    expect(streams.find(({ codec_type }) => codec_type === 'audio')).toMatchObject({
      codec_name: 'aac',
      profile: 'LC',
      sample_rate: '48000',
      channels: 2,
    })
    const told = spawnSync(
      'ffmpeg',
      ['-hide_banner', '-i', file, '-af', 'volumedetect', '-vn', '-f', 'null', '-'],
      { encoding: 'utf8' },
    ).stderr
    expect(told).toMatch(/max_volume: -(?:91|inf)/)
    const sound = server.publishes[0]!.messagesOf(AUDIO).map(({ time }) => time)
    expect(
      Math.max(...sound.slice(2).map((time, at) => time - sound[at + 1]!)),
    ).toBeLessThanOrEqual(22)
  })

  it.for<[string, Partial<EncodeSpec>, { readonly video: string; readonly audio: string }]>([
    [
      'MP2 becomes AAC, pictures are copied',
      { ...SMALL, audio: 'mp2' },
      { video: 'copy', audio: 'encode' },
    ],
    [
      'HEVC becomes H.264, AAC is copied',
      { ...SMALL, codec: 'hevc' },
      { video: 'encode', audio: 'copy' },
    ],
    [
      'MPEG-2 and AC-3 become H.264 and AAC',
      { ...SMALL, codec: 'mpeg2video', audio: 'ac3' },
      { video: 'encode', audio: 'encode' },
    ],
  ])('%s: both in order of time', async ([name, a, plan], context) => {
    const { server, push } = await start(context, { a, b: a })
    await push.until(() => flowing(server.publishes[0], 60), 40_000)
    expect(push.status().details).toMatchObject(plan)
    const file = write(`${plan.video}-${plan.audio}.flv`, server.publishes)
    expect(await decoderErrors(file)).toBe('')
    expect((await ffprobe(file)).streams.map(({ codec_name }) => codec_name).sort()).toEqual([
      'aac',
      'h264',
    ])
    const frames = server.publishes[0]!.messages.filter(
      ({ type, payload }) => type === AUDIO || (type === VIDEO && !isHeader(payload)),
    )
    const back = frames.slice(1).filter(({ time }, at) => time < frames[at]!.time)
    expect(back.length, name).toBe(0)
  })

  it('copy of a codec that RTMP cannot carry fails, with what to set', async (context) => {
    const { push } = await start(context, {
      a: { ...SMALL, audio: 'mp2' },
      b: { ...SMALL, audio: 'mp2' },
      push: { recipe: 'copy' },
    })
    await push.until(() => push.status().state === 'failed')
    expect(push.status().lastError).toMatch(/audio \(mp2\).*push\.recipe to "auto" or "encode"/)
  })

  it('refuses a take to a picture that it would have to follow', async (context) => {
    const { server, push } = await start(context)
    await push.until(() => flowing(server.publishes[0]))
    const same = push.rig.program.frames.tracks.video!
    expect(push.output.formatRefusal?.(same)).toBeUndefined()
    expect(push.output.formatRefusal?.({ ...same, width: 1280, height: 720 })).toMatch(
      /160x90.*1280x720.*conform/,
    )
  })
})

/** One after the other: each moves 30 Mbit/s through one process. */
describe.skipIf(missing !== undefined)(`a push of a heavy program${skipNote(missing)}`, () => {
  it('a destination that stops reading is skipped for, then reconnected; the program continues', async (context) => {
    const { server, push } = await start(context, {
      a: HEAVY,
      b: HEAVY,
      push: { lagMs: 1_000, stallMs: 5_000 },
    })
    await push.until(() => flowing(server.publishes[0]))
    server.publishes[0]!.stall()
    await push.until(() => push.status().lagMs > 900)
    await push.until(() => server.publishes.length === 2)
    expect(push.status().lastError).toMatch(/took nothing for 5000 ms/)
    await push.until(() => flowing(server.publishes[1]))
    expect(push.status()).toMatchObject({ state: 'running', reconnects: 1 })
    const { videoFrames: pictures } = push.rig.log
    // Behind the newest decoding time, pictures may still lack the B pictures between them.
    const whole = pictures.map(({ pts }) => pts).filter((pts) => pts <= pictures.at(-1)!.dts)
    const steps = whole.sort((one, two) => one - two).map((pts, at) => pts - (whole[at - 1] ?? pts))
    expect(Math.max(...steps)).toBeLessThanOrEqual(1.5 * 3_600)
  })

  it('a destination that was slow for a while goes on at a key frame, on the same connection', async (context) => {
    const { server, push } = await start(context, {
      a: HEAVY,
      b: HEAVY,
      push: { lagMs: 1_000, stallMs: 60_000 },
    })
    await push.until(() => flowing(server.publishes[0]))
    server.publishes[0]!.stall()
    await push.until(() => push.status().lagMs > 900)
    await sleep(2_500)
    server.publishes[0]!.resume()
    await push.until(() => push.status().skips > 0)
    await push.until(() => push.status().lagMs < 500)
    await sleep(1_000)
    const video = server.publishes[0]!.messagesOf(VIDEO).filter(({ payload }) => !isHeader(payload))
    const behind = video.filter(({ time }, at) => at > 0 && time - video[at - 1]!.time > 200)
    // A busy machine makes it skip again.
    expect(behind.length).toBeGreaterThan(0)
    expect(behind.every(({ payload }) => isKey(payload))).toBe(true)
    expect(rising(video.map(({ time }) => time))).toBe(true)
    expect(await decoderErrors(write('skip.flv', server.publishes))).toBe('')
    expect(push.status()).toMatchObject({ state: 'running', reconnects: 0 })
  })
})

const missingTls = missingCommand('openssl') ? 'not installed: openssl' : missing

describe.skipIf(missingTls !== undefined)(`a push over TLS${skipNote(missingTls)}`, () => {
  it('refuses a certificate that nobody vouches for', async (context) => {
    const { server, push } = await start(context, {}, { tls: selfSigned(folder) })
    await push.until(() => push.status().errors > 0)
    expect(push.status()).toMatchObject({
      kind: 'rtmps',
      state: 'waiting',
      lastError: expect.stringMatching(/self-signed/),
    })
    expect(server.publishes.every(({ bytes }) => bytes === 0)).toBe(true)
  })
})
