import { describe, expect, test } from 'vitest'
import {
  type GivenConfig as Given,
  loadGiven as load,
  refusalOf as refusal,
} from '../../test/helpers/given-config.ts'

const env = (variables: Record<string, string>): Given => ({ env: variables })
const scalars = (one: Record<string, string>): Given => ({ flags: { scalars: one } })
const kick = { KICK_URL: 'rtmps://k.example:443/app', KICK_KEY: 'sk_secret_1234' }

describe('a wrong value names its origin, itself and what would be right', () => {
  test.each<[string, Given, string]>([
    [
      'a segment time',
      env({ HLS_SEGMENT_TIME: 'long' }),
      'HLS_SEGMENT_TIME: "long" is not a number (1 to 30)',
    ],
    [
      'a segment time of zero',
      scalars({ 'hls-segment-time': '0' }),
      '--hls-segment-time: "0" is not a number (1 to 30)',
    ],
    [
      'a list size',
      env({ HLS_LIST_SIZE: '2' }),
      'HLS_LIST_SIZE: "2" is not a whole number (3 to 10000)',
    ],
    [
      'a transition timeout',
      env({ TRANSITION_TIMEOUT: '0' }),
      'TRANSITION_TIMEOUT: "0" is not a number (0.5 to 120)',
    ],
    [
      'a mode',
      env({ MUX_MODE: 'abrr' }),
      'MUX_MODE: "abrr" is unknown; expected one of copy, abr; did you mean "abr"?',
    ],
    [
      'a flag’s mode',
      scalars({ 'hls-mode': 'x' }),
      '--hls-mode: "x" is unknown; expected one of copy, abr',
    ],
    [
      'a container',
      scalars({ 'hls-container': 'mkv' }),
      '--hls-container: "mkv" is unknown; expected one of ts, fmp4',
    ],
    [
      'a window',
      scalars({ 'hls-dvr': '-1' }),
      '--hls-dvr: "-1" is not a whole number (0 to 604800)',
    ],
    [
      'a switch',
      env({ SLUICE_LOW_LATENCY: 'maybe' }),
      'SLUICE_LOW_LATENCY: "maybe" is not true or false',
    ],
    [
      'a preset',
      env({ ABR_PRESET: 'veryfats' }),
      'ABR_PRESET: "veryfats" is unknown; expected one of ultrafast, superfast, veryfast',
    ],
    ['a GOP', env({ ABR_GOP_SIZE: '0' }), 'ABR_GOP_SIZE: "0" is not a whole number (1 to 1000)'],
    ['no JSON', env({ ABR_VARIANTS: '[{' }), 'ABR_VARIANTS: "[{" is not valid JSON'],
    [
      'no list',
      env({ ABR_VARIANTS: '{"height":1}' }),
      'ABR_VARIANTS: "{\\"height\\":1}" is not a list',
    ],
    ['no rungs', env({ ABR_VARIANTS: '[]' }), 'ABR_VARIANTS: "[]" must hold at least 1'],
    [
      'an odd rung',
      env({ ABR_VARIANTS: '[{"height":721,"video_bitrate":"1M","audio_bitrate":"64k"}]' }),
      'ABR_VARIANTS[0].height: 721 is not an even number (64 to 4320)',
    ],
    [
      'a rung’s bitrate',
      env({ ABR_VARIANTS: '[{"height":720,"video_bitrate":"fast","audio_bitrate":"64k"}]' }),
      'ABR_VARIANTS[0].videoBitrate: "fast" is not bits per second, "5000k" or "6M"',
    ],
    [
      'a rung without a bitrate',
      env({ ABR_VARIANTS: '[{"height":720,"video_bitrate":"1M"}]' }),
      'ABR_VARIANTS[0]: "audioBitrate" is missing; expected bits per second',
    ],
    [
      'a rung’s unknown field',
      env({ ABR_VARIANTS: '[{"heigth":720,"video_bitrate":"1M","audio_bitrate":"64k"}]' }),
      'ABR_VARIANTS[0].heigth: unknown field; did you mean "height"?',
    ],
    [
      'a rung of the file',
      {
        toml: '[hls.ladder]\npreset = "fast"\n[[hls.ladder.variants]]\nheight = 720\nvideo_bitrate = "1G"\naudio_bitrate = "64k"\n',
      },
      'channel.toml:5: hls.ladder.variants[0].video_bitrate: "1G" is not bits per second',
    ],
    [
      'a bitrate too small',
      env({ ...kick, AUDIO_BITRATE: '160' }),
      'AUDIO_BITRATE: "160" is not bits per second, "5000k" or "6M" (8000 to 200000000)',
    ],
    [
      'two names for one field',
      { toml: '[hls]\nsegmentTime = 3\nsegment_time = 4\n' },
      'channel.toml:3: hls.segment_time: unknown field; did you mean "segmentTime"?',
    ],
    [
      'a field of [hls]',
      { toml: '[hls]\nsegmenttime = 3\n' },
      'channel.toml:2: hls.segmenttime: unknown field; did you mean "segmentTime"?',
    ],
    [
      'snake case elsewhere',
      { toml: '[listeners]\nmax_listeners = 3\n' },
      'channel.toml:2: listeners.max_listeners: unknown field; did you mean "maxListeners"?',
    ],
    [
      'a switch for Icecast',
      env({ ICECAST_ENABLED: 'perhaps' }),
      'ICECAST_ENABLED: "perhaps" is not true or false',
    ],
    [
      'a port',
      env({ ICECAST_ENABLED: 'true', ICECAST_PORT: '80000' }),
      'ICECAST_PORT: "80000" is not a port (1 to 65535)',
    ],
    [
      'a host',
      env({ ICECAST_ENABLED: 'true', ICECAST_HOST: 'a/b' }),
      'ICECAST_HOST: "a/b" is not a host name or an address',
    ],
    [
      'a host with a password in front',
      env({ ICECAST_ENABLED: 'true', ICECAST_HOST: 'source:hush@radio.example' }),
      'ICECAST_HOST: "***@radio.example" is not a host name or an address',
    ],
    [
      'a mount',
      env({ ICECAST_ENABLED: 'true', ICECAST_MOUNT: '/a b' }),
      'ICECAST_MOUNT: "/a b" is not a mount as /stream.mp3, without spaces, "?" and "#"',
    ],
    [
      'an audio format',
      env({ ICECAST_ENABLED: 'true', ICECAST_AUDIO_FORMAT: 'wav' }),
      'ICECAST_AUDIO_FORMAT: "wav" is unknown; expected one of mp3, aac, opus',
    ],
    [
      'an audio bitrate',
      env({ ICECAST_ENABLED: 'true', ICECAST_AUDIO_BITRATE: 'high' }),
      'ICECAST_AUDIO_BITRATE: "high" is not bits per second',
    ],
    [
      'a platform without a key',
      env({ KICK_URL: 'rtmps://k/app' }),
      'KICK_URL: the stream key is missing; set KICK_KEY as well',
    ],
    [
      'a video bitrate',
      env({ ...kick, VID_BITRATE: '6000 k' }),
      'VID_BITRATE: "6000 k" is not bits per second',
    ],
    [
      'a format of a recording',
      { toml: '[[outputs]]\nid = "r"\nurl = "record:x"\nrecord = { format = "mkv" }\n' },
      'channel.toml:4: outputs[0].record.format: "mkv" is unknown; expected one of ts, mp4',
    ],
    [
      'a listener limit',
      { toml: '[listeners]\nmaxListeners = "many"\n' },
      'channel.toml:2: listeners.maxListeners: "many" is not a whole number (0 to 100000)',
    ],
  ])('%s', (_name, given, expected) => {
    expect(refusal(given)).toContain(expected)
  })
})

describe('keys and passwords', () => {
  const long = 'x'.repeat(5_000)
  test.each<[string, Given]>([
    [
      'a key of a wrong type',
      { toml: '[[outputs]]\nid = "a"\nurl = "rtmp://h/a"\npush = { key = ["hush"] }\n' },
    ],
    [
      'an empty password beside a name',
      {
        toml: '[[outputs]]\nid = "a"\nurl = "icecast://s:hush@h/m"\nicecast = { password = 3, bitrate = "x" }\n',
      },
    ],
    ['an address that is too long', { flags: { output: [`kick:hush ${long}`] } }],
    ['an address with a quote', { flags: { output: [`rtmps://h/app/"hush"${long}`] } }],
    [
      'an address with an id that is none',
      { toml: `[[outputs]]\nid = "!"\nurl = ["twitch:hush"]\n` },
    ],
    ['KICK_URL that is too long', env({ KICK_KEY: 'hush', KICK_URL: `rtmps://h/app/hush${long}` })],
    [
      'an Icecast password beside a bad port',
      env({ ICECAST_ENABLED: '1', ICECAST_PORT: '0', ICECAST_SOURCE_PASSWORD: 'hush' }),
    ],
  ])('%s is refused without showing them', (_name, given) => {
    expect(refusal(given)).not.toContain('hush')
  })

  test('are redacted in the log, those of variables too, but common words in addresses are not', () => {
    const { config } = load({
      env: { TWITCH_KEY: 'live_123', ICECAST_ENABLED: 'on', ICECAST_SOURCE_PASSWORD: 'pw-1' },
      flags: {
        scalars: { token: 'tok' },
        output: [
          'twitch:{env:TWITCH_KEY}',
          'rtmp://h/app/stream',
          'rtmp://h/app/abcd-efgh-ijkl',
          'srt://h:1?passphrase=long-passphrase',
        ],
      },
    })
    expect([...config.secrets].sort()).toEqual(
      ['abcd-efgh-ijkl', 'live_123', 'long-passphrase', 'pw-1', 'tok'].sort(),
    )
    expect(JSON.stringify(config.channel)).not.toContain('pw-1')
  })
})
