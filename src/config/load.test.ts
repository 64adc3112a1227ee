import { describe, expect, test } from 'vitest'
import {
  type GivenConfig as Given,
  loadGiven as load,
  refusalOf as refusal,
} from '../../test/helpers/given-config.ts'
import { loadConfig } from './load.ts'

const scalars = (one: Record<string, string>): Given => ({ flags: { scalars: one } })

describe('defaults and layers', () => {
  test('without any setting the channel has the defaults and listens on loopback', () => {
    const { config, warnings } = load({})
    expect(config.channel.latencyMs).toBe(800)
    expect(config.channel.failover.thresholds.stallMs).toBe(2_000)
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8099 })
    expect(config).not.toHaveProperty('token')
    expect(warnings).toEqual([])
  })

  test('a flag wins over the environment, the environment over the file, field by field', () => {
    const { config } = load({
      toml: 'name = "file"\nmode = "seamless"\nlatencyMs = 100\n[failover]\nmode = "off"\nswitchesPerHour = 7\n',
      env: { SLUICE_MODE: 'graceful', SLUICE_LATENCY: '200', SLUICE_INGEST: '' },
      flags: { scalars: { latency: '300', failover: 'observe' } },
    })
    expect(config.channel).toMatchObject({
      name: 'file',
      mode: 'graceful',
      latencyMs: 300,
      ingest: 'hot',
    })
    expect(config.channel.failover).toMatchObject({ mode: 'observe', switchesPerHour: 7 })
  })

  test('the result is frozen to the last leaf', () => {
    const { config } = load({ flags: { source: ['x.ts'] } })
    expect(Object.isFrozen(config.channel.sources[0]?.inputOptions)).toBe(true)
    expect(Object.isFrozen(config.listen)).toBe(true)
  })

  test.each([
    ['1280x720@25', { width: 1280, height: 720, rate: 25, codec: 'h264' }],
    ['1920x1080@30000/1001', { width: 1920, height: 1080, rate: '30000/1001' }],
    ['640x360', { width: 640, height: 360, rate: 25 }],
  ])('--format %s sets the video format of the program', (format, expected) => {
    expect(load({ flags: { format } }).config.channel.format?.video).toMatchObject(expected)
  })

  test('--format none is a channel without video, whatever the file sets', () => {
    const { config } = load({ toml: '[format.video]\nwidth = 640\n', flags: { format: 'none' } })
    expect(config.channel.format?.video).toBe('none')
  })

  test.each([
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['[::1]:8099', { host: '::1', port: 8099 }],
    [':9000', { host: '::', port: 9000 }],
    ['9000', { host: '127.0.0.1', port: 9000 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
  ])('--listen %s', (listen, expected) => {
    expect(load(scalars({ listen, token: 'secret' })).config.listen).toEqual(expected)
  })
})

describe('sources', () => {
  const ids = (given: Given) =>
    load(given).config.channel.sources.map(({ id, url }) => `${id} ${url}`)

  test('--sources and --source add up, and URLs without an id are numbered by their place', () => {
    expect(
      ids({
        flags: { sources: 's0=udp://h:1;b=rtmp://h/a?x=1', source: ['test:', 's4=file=1.ts'] },
      }),
    ).toEqual(['s0 udp://h:1', 'b rtmp://h/a?x=1', 's2 test:', 's4 file=1.ts'])
  })

  test('a flag chooses the list, and a source named there keeps its settings from the file', () => {
    const { config } = load({
      toml: '[[sources]]\nid = "a"\nurl = "old.ts"\ndelayMs = 40\n[sources.thresholds]\nstallMs = 500\n[[sources]]\nid = "b"\nurl = "b.ts"\n',
      flags: { source: ['a=new.ts'] },
    })
    expect(config.channel.sources).toHaveLength(1)
    expect(config.channel.sources[0]).toMatchObject({
      id: 'a',
      url: 'new.ts',
      delayMs: 40,
      thresholds: { stallMs: 500 },
    })
  })

  test('SLUICE_SOURCES and SLUICE_OUTPUTS are lists', () => {
    const { config } = load({
      env: { SLUICE_SOURCES: 'x=a;y=b;', SLUICE_OUTPUTS: 'udp://127.0.0.1:1' },
    })
    expect(config.channel.sources.map(({ id }) => id)).toEqual(['x', 'y'])
    expect(config.channel.outputs).toEqual([{ id: 'out0', url: 'udp://127.0.0.1:1' }])
  })
})

describe('a wrong value names its origin, itself and what would be right', () => {
  test.each<[string, Given, string]>([
    [
      'text for a number',
      scalars({ latency: 'abc' }),
      '--latency: "abc" is not a number of milliseconds (0 to 10000)',
    ],
    [
      'a number out of range',
      scalars({ latency: '20000' }),
      '--latency: "20000" is not a number of milliseconds (0 to 10000)',
    ],
    [
      'half a millisecond',
      scalars({ latency: '1.5' }),
      '--latency: "1.5" is not a number of milliseconds (0 to 10000)',
    ],
    [
      'an unknown word',
      { env: { SLUICE_MODE: 'fast' } },
      'SLUICE_MODE: "fast" is unknown; expected one of cutover, graceful, seamless',
    ],
    [
      'a misspelt word',
      scalars({ mode: 'gracefull' }),
      '--mode: "gracefull" is unknown; expected one of cutover, graceful, seamless; did you mean "graceful"?',
    ],
    [
      'a format',
      { flags: { format: '720p' } },
      '--format: "720p" is not WIDTHxHEIGHT, WIDTHxHEIGHT@RATE (1280x720@25, 1920x1080@30000/1001), or none',
    ],
    [
      'an odd width',
      { flags: { format: '1281x720' } },
      '--format: "1281x720" is not an even number (64 to 8192)',
    ],
    [
      'a port',
      scalars({ listen: 'localhost:99999' }),
      '--listen: "localhost:99999" is not an address to listen on (host:port, [ipv6]:port, :port (every address) or a port alone (loopback), port 0 to 65535)',
    ],
    [
      'an id',
      { flags: { source: ['slate=x.ts'] } },
      '--source slate: "slate": "slate" is the channel\'s own slate; choose another id',
    ],
    [
      'no URL',
      { flags: { source: ['cam='] } },
      '--source cam: "url" is missing; expected text of 1 to 4096 characters',
    ],
    [
      'the same id twice',
      { flags: { source: ['a=1.ts', 'a=2.ts'] } },
      '--source a: the id "a" is taken by --source a; give each its own',
    ],
    [
      'an address without a token',
      scalars({ listen: '0.0.0.0:80' }),
      '--listen: "0.0.0.0:80" can be reached from other machines, so a token is needed; set SLUICE_TOKEN, --token-file or --token, or listen on 127.0.0.1',
    ],
    [
      'a field of the file',
      {
        toml: 'mode = "graceful"\n\n[[sources]]\nid = "a"\nurl = "x"\n\n[[sources]]\nid = "b"\nurl = "y"\ndelyMs = 3\n',
      },
      'channel.toml:10: sources[1].delyMs: unknown field; did you mean "delayMs"?',
    ],
    [
      'snake case',
      { toml: 'latency_ms = 3\n' },
      'channel.toml:1: latency_ms: unknown field; did you mean "latencyMs"?',
    ],
    [
      'a field below the wrong table',
      { toml: '[slate]\nmessage = "x"\nlatencyMs = 3\n' },
      'channel.toml:3: slate.latencyMs: unknown field; "latencyMs" belongs at the top of the file, before the first [table]',
    ],
    [
      'a missing URL',
      { toml: '[[sources]]\nid = "a"\n' },
      'channel.toml:1: sources[0]: "url" is missing; expected text of 1 to 4096 characters',
    ],
    ['a wrong type', { toml: 'sources = 3\n' }, 'channel.toml:1: sources: 3 is not a list'],
    [
      'a wrong leaf of a union',
      { toml: '[format.video]\nheight = 9\n' },
      'channel.toml:2: format.video.height: 9 is not an even number (64 to 8192)',
    ],
    [
      'a threshold',
      { toml: '[failover.thresholds]\nstallMs = "2s"\n' },
      'channel.toml:2: failover.thresholds.stallMs: "2s" is not a number of milliseconds (40 to 60000)',
    ],
    [
      'a language',
      { toml: '[format.audio]\nlanguages = ["deu", "english"]\n' },
      'channel.toml:2: format.audio.languages[1]: "english" is not text that matches /^[a-z]{3}$/',
    ],
    ['no TOML', { toml: 'a = 1\nmode = fast\n' }, 'channel.toml:2:'],
  ])('%s', (_name, given, expected) => {
    expect(refusal(given)).toContain(expected)
  })

  test('a file that is not there', () => {
    expect(() =>
      loadConfig({
        flags: { scalars: {} },
        env: {},
        file: 'no.toml',
        readFile: () => {
          throw new Error("ENOENT: no such file or directory, open 'no.toml'")
        },
      }),
    ).toThrow('--config: "no.toml" cannot be read: no such file or directory (ENOENT)')
  })

  test('all problems are reported at once', () => {
    expect(refusal(scalars({ mode: 'x', latency: 'y', ingest: 'z' })).split('\n')).toHaveLength(3)
  })
})

describe('secrets', () => {
  test('the token comes from a file', () => {
    const { config } = load({ toml: 'tokenFile = "t"\n', files: { t: ' s3cret \nmore\n' } })
    expect(config.token).toBe('s3cret')
  })

  test('a token file of a flag wins over a token of the environment', () => {
    const given = {
      flags: { scalars: { 'token-file': 't' } },
      env: { SLUICE_TOKEN: 'weaker' },
      files: { t: 's3cret' },
    }
    expect(load(given).config.token).toBe('s3cret')
  })

  test.each<[string, Given]>([
    ['a token with a space', scalars({ token: 'hush hush' })],
    ['a token in the file', { toml: 'token = "hush hush"\n' }],
    ['a token of a wrong type', { toml: 'token = ["hush"]\n' }],
    ['a token near a syntax error', { toml: 'token = "hush\nmode = 1\n' }],
    [
      'a URL with a password',
      { toml: '[[sources]]\nid = "!"\nurl = ["rtmp://u:hush@h/a/hush"]\n' },
    ],
    [
      'a long URL with a password',
      { flags: { output: [`x=rtmp://u:hush@h/a/hush?${'x'.repeat(5_000)}`] } },
    ],
  ])('%s is refused without being shown', (_name, given) => {
    expect(refusal(given)).not.toContain('hush')
  })
})

test('an unknown SLUICE_ variable causes a warning', () => {
  expect(load({ env: { SLUICE_LATNCY: '1' } }).warnings).toEqual([
    'SLUICE_LATNCY: unknown environment variable, ignored; did you mean "SLUICE_LATENCY"?',
  ])
})

test('a field called __proto__ is refused and pollutes nothing', () => {
  expect(refusal({ toml: '["__proto__"]\npolluted = true\n' })).toContain('__proto__')
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})
