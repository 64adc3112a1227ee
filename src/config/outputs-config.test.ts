import { describe, expect, test } from 'vitest'
import { type GivenConfig as Given, loadGiven as load } from '../../test/helpers/given-config.ts'
import { DEFAULT_LADDER } from '../contract/output-spec.ts'
import { SCALAR_OPTIONS, variableOf } from './options.ts'

const channelOf = (given: Given) => load(given).config.channel
const hlsOf = (given: Given) => channelOf(given).hls
const env = (variables: Record<string, string>): Given => ({ env: variables })
const scalars = (one: Record<string, string>): Given => ({ flags: { scalars: one } })
const kick = { KICK_URL: 'rtmps://k.example:443/app', KICK_KEY: 'sk_secret_1234' }

describe('how the program is packaged', () => {
  test('has the defaults of earlier packagers', () => {
    expect(hlsOf({})).toMatchObject({
      mode: 'copy',
      segmentTime: 4,
      listSize: 20,
      container: 'ts',
      lowLatency: false,
      ladder: { preset: 'veryfast', gopSize: 48, audioOnly: true },
    })
    expect(hlsOf({}).ladder.variants.map(({ videoBitrate }) => videoBitrate)).toEqual([
      5_000_000, 2_800_000, 1_400_000,
    ])
    expect(hlsOf({}).ladder.variants).toHaveLength(DEFAULT_LADDER.length)
    expect(channelOf({}).startTimeoutMs).toBe(15_000)
  })

  test.each<[string, string, object]>([
    ['HLS_SEGMENT_TIME', '6', { segmentTime: 6 }],
    ['SLUICE_HLS_SEGMENT_TIME', '2.5', { segmentTime: 2.5 }],
    ['HLS_LIST_SIZE', '30', { listSize: 30 }],
    ['SLUICE_HLS_LIST_SIZE', '7', { listSize: 7 }],
    ['MUX_MODE', 'abr', { mode: 'abr' }],
    ['SLUICE_HLS_MODE', 'abr', { mode: 'abr' }],
    ['SLUICE_HLS_CONTAINER', 'fmp4', { container: 'fmp4' }],
    ['SLUICE_HLS_DVR', '3600', { dvrSeconds: 3_600 }],
    ['SLUICE_LOW_LATENCY', 'true', { lowLatency: true }],
    ['TRANSITION_TIMEOUT', '20', { transitionTimeout: 20 }],
    ['SLUICE_TRANSITION_TIMEOUT', '1.5', { transitionTimeout: 1.5 }],
    ['ABR_PRESET', 'ultrafast', { ladder: { preset: 'ultrafast' } }],
    ['ABR_GOP_SIZE', '96', { ladder: { gopSize: 96 } }],
    [
      'ABR_VARIANTS',
      '[{"height":480,"video_bitrate":"900k","audioBitrate":64000}]',
      { ladder: { variants: [{ height: 480, videoBitrate: 900_000, audioBitrate: 64_000 }] } },
    ],
  ])('%s=%s', (variable, value, expected) => {
    expect(hlsOf(env({ [variable]: value }))).toMatchObject(expected)
  })

  test('every flag is a variable, and of two names the one with SLUICE_ wins', () => {
    for (const { flag, path } of SCALAR_OPTIONS.filter(({ path }) => path[0] === 'hls')) {
      const value = path[1] === 'container' ? 'fmp4' : path[1] === 'mode' ? 'abr' : undefined
      const text = value ?? (path[1] === 'lowLatency' ? 'true' : '5')
      expect(hlsOf(scalars({ [flag]: text }))).toEqual(hlsOf(env({ [variableOf(flag)]: text })))
    }
    const both = env({ HLS_SEGMENT_TIME: '6', SLUICE_HLS_SEGMENT_TIME: '3' })
    expect(hlsOf(both).segmentTime).toBe(3)
  })

  test('flags win over variables, variables over the file, field by field', () => {
    const hls = hlsOf({
      toml: '[hls]\nsegmentTime = 2\nlistSize = 5\nmode = "abr"\n[hls.ladder]\ngopSize = 50\n',
      env: { HLS_SEGMENT_TIME: '3', HLS_LIST_SIZE: '6' },
      flags: { scalars: { 'hls-segment-time': '4.5' } },
    })
    expect(hls).toMatchObject({ segmentTime: 4.5, listSize: 6, mode: 'abr' })
    expect(hls.ladder).toMatchObject({ gopSize: 50, preset: 'veryfast' })
  })

  test('the file may use snake case below [hls], in lists too', () => {
    const hls = hlsOf({
      toml: `[hls]
segment_time = 6
list_size = 10
transition_timeout = 9
dvr_seconds = 60
[hls.ladder]
gop_size = 60
[[hls.ladder.variants]]
height = 720
video_bitrate = "2M"
audio_bitrate = "96k"
`,
    })
    expect(hls).toMatchObject({
      segmentTime: 6,
      listSize: 10,
      transitionTimeout: 9,
      dvrSeconds: 60,
    })
    expect(hls.ladder).toMatchObject({
      gopSize: 60,
      variants: [{ height: 720, videoBitrate: 2_000_000, audioBitrate: 96_000 }],
    })
  })

  test('a list of rungs is that of the strongest that names one', () => {
    const hls = hlsOf({
      toml: '[hls.ladder]\nvariants = [{ height = 720, videoBitrate = "2M", audioBitrate = "96k" }, { height = 480, videoBitrate = "1M", audioBitrate = "96k" }]\n',
      env: { ABR_VARIANTS: '[{"height":360,"video_bitrate":"500k","audio_bitrate":"64k"}]' },
    })
    expect(hls.ladder.variants.map(({ height }) => height)).toEqual([360])
  })

  test('the transition timeout is the time a take waits for a source, whatever else is set', () => {
    expect(channelOf(env({ TRANSITION_TIMEOUT: '20' })).startTimeoutMs).toBe(20_000)
    expect(
      channelOf({ toml: 'startTimeoutMs = 700\n[hls]\ntransitionTimeout = 2.5\n' }).startTimeoutMs,
    ).toBe(2_500)
    expect(channelOf({ toml: 'startTimeoutMs = 700\n' }).startTimeoutMs).toBe(700)
  })
})

describe('outputs of the file', () => {
  test('have the section of their kind', () => {
    const { outputs, listeners } = channelOf({
      toml: `[listeners]
maxListeners = 20
bitrate = "96k"
[[outputs]]
id = "tw"
url = "twitch:{env:TWITCH_KEY}"
push = { recipe = "encode", videoBitrate = "4500k" }
[[outputs]]
id = "radio"
url = "icecast://source@radio.example:8000/live.mp3"
[outputs.icecast]
password = "{file:/run/secrets/icecast}"
format = "opus"
[[outputs]]
id = "rec"
url = "record:/srv/recordings"
[outputs.record]
format = "mp4"
split = "take"
`,
    })
    expect(listeners).toEqual({ maxListeners: 20, bitrate: 96_000 })
    expect(outputs[0]).toMatchObject({
      push: {
        recipe: 'encode',
        videoBitrate: 4_500_000,
        maxBitrate: 6_000_000,
        bufferSize: 12_000_000,
        audioBitrate: 160_000,
      },
    })
    expect(outputs[1]).toMatchObject({ icecast: { format: 'opus', bitrate: 128_000 } })
    expect(outputs[2]).toMatchObject({
      record: { format: 'mp4', split: 'take', rotateSeconds: 3_600 },
    })
  })

  test.each<[string, Record<string, string>, object]>([
    [
      'icecast',
      { ICECAST_ENABLED: 'true' },
      {
        url: 'icecast://source@icecast:8000/stream.mp3',
        icecast: { password: 'hackme', format: 'mp3', bitrate: 128_000 },
      },
    ],
    [
      'icecast',
      {
        ICECAST_ENABLED: 'YES',
        ICECAST_HOST: '2001:db8::1',
        ICECAST_PORT: '8010',
        ICECAST_MOUNT: 'live.aac',
        ICECAST_SOURCE_PASSWORD: 'hush',
        ICECAST_AUDIO_BITRATE: '96k',
        ICECAST_AUDIO_FORMAT: 'aac',
      },
      {
        url: 'icecast://source@[2001:db8::1]:8010/live.aac',
        icecast: { password: '{env:ICECAST_SOURCE_PASSWORD}', format: 'aac', bitrate: 96_000 },
      },
    ],
    [
      'kick',
      kick,
      {
        url: kick.KICK_URL,
        push: {
          key: '{env:KICK_KEY}',
          videoBitrate: 6_000_000,
          maxBitrate: 6_000_000,
          bufferSize: 12_000_000,
          audioBitrate: 160_000,
          keyFrameSeconds: 2,
        },
      },
    ],
    [
      'kick',
      {
        ...kick,
        VID_BITRATE: '3000k',
        MAX_BITRATE: '3500000',
        BUFFER_SIZE: '7M',
        AUDIO_BITRATE: '128k',
      },
      {
        push: {
          videoBitrate: 3_000_000,
          maxBitrate: 3_500_000,
          bufferSize: 7_000_000,
          audioBitrate: 128_000,
        },
      },
    ],
  ])('%s is added by %j', (id, variables, expected) => {
    const { config } = load(env(variables))
    expect(config.channel.outputs).toHaveLength(1)
    expect(config.channel.outputs[0]).toMatchObject({ id, ...expected })
  })

  test.each([
    ['ICECAST_ENABLED is false', { ICECAST_ENABLED: 'false', ICECAST_HOST: 'x' }],
    ['ICECAST_ENABLED is absent', { ICECAST_HOST: 'x', ICECAST_PORT: '1' }],
    ['ICECAST_ENABLED is empty', { ICECAST_ENABLED: '' }],
    ['there is only a key', { KICK_KEY: 'sk_1' }],
  ])('none is added when %s', (_case, variables) => {
    expect(channelOf(env(variables)).outputs).toEqual([])
  })

  test('added outputs come in addition to those of flags and file', () => {
    const made = { ...kick, ICECAST_ENABLED: '1' }
    const ids = (given: Given) => channelOf(given).outputs.map(({ id }) => id)
    expect(ids({ env: made, flags: { output: ['hls:', 'x=dash:'] } })).toEqual([
      'out0',
      'x',
      'icecast',
      'kick',
    ])
    expect(ids({ env: made, toml: '[[outputs]]\nid = "web"\nurl = "hls:"\n' })).toEqual([
      'web',
      'icecast',
      'kick',
    ])
  })

  test('an output of the same id is the flag’s, then the variables’, then the file’s', () => {
    const file =
      '[[outputs]]\nid = "kick"\nurl = "rtmps://file/app"\npush = { height = 720, videoBitrate = "1M" }\n'
    const made = { ...kick, VID_BITRATE: '3M' }
    expect(channelOf({ env: made, toml: file }).outputs).toMatchObject([
      { url: kick.KICK_URL, push: { height: 720, videoBitrate: 3_000_000 } },
    ])
    expect(
      channelOf({ env: made, flags: { output: ['kick=rtmps://flag/app'] } }).outputs,
    ).toMatchObject([{ url: 'rtmps://flag/app', push: { videoBitrate: 3_000_000 } }])
  })
})
