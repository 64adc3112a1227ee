import { describe, expect, test } from 'vitest'
import { recordedChannel } from '../../test/helpers/channel-fixture.ts'
import { testIo, type TestIoOptions } from '../../test/helpers/cli-io.ts'
import type { Config } from '../config/config.ts'
import { SluiceError } from '../contract/errors.ts'
import type { SourceId } from '../contract/ids.ts'
import type { AppHooks, StartApp } from './app-port.ts'
import { runCli } from './program.ts'

const start = (args: readonly string[], options: TestIoOptions = {}) => {
  const io = testIo(options)
  const channel = recordedChannel()
  const seen: { config?: Config; hooks?: AppHooks; stops: number } = { stops: 0 }
  let end: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const stopped = new Promise<void>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  const startApp: StartApp = async (config, hooks) => {
    seen.config = config
    seen.hooks = hooks
    return {
      port: channel.port,
      address: 'http://127.0.0.1:4321',
      stopped,
      stop: () => {
        seen.stops++
        end()
        return stopped
      },
    }
  }
  const unused = () => Promise.reject(new Error('not part of this test'))
  const code = runCli(['run', ...args], {
    io: io.io,
    version: '1.2.3',
    startApp: async () => startApp,
    startAnalysis: unused,
    probeUrl: unused,
  })
  return { ...io, ...channel, seen, code, end: () => end(), fail: (error: Error) => fail(error) }
}

const READY = 'open http://127.0.0.1:4321'

describe('without a terminal', () => {
  test('each line of standard input is a command or a key, answered in order, until quit', async () => {
    const run = start(['-s', 'a.ts', '-s', 'b.ts'])
    run.stdin.write('1\ntake s0 graceful\nnonsense\nm\n\nq\n')
    expect(await run.code).toBe(0)
    expect(run.asked).toEqual(['take s1 program', 'take s0 program graceful'])
    const said = [
      'on air: s1 (was s0)',
      'on air: s0 (was s1)',
      'unknown command "nonsense"',
      'source 1 s1',
      'stopping',
    ]
    const places = said.map((text) => run.out().indexOf(text))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(run.seen.stops).toBe(1)
  })

  test('the end of standard input leaves the program on the air; a signal ends it', async () => {
    const run = start(['-s', 'a.ts'])
    await run.printed(READY)
    run.stdin.end()
    run.emit({ type: 'warning', message: 'something odd' })
    await run.printed('WARN  something odd')
    expect(run.seen.stops).toBe(0)
    run.signal('SIGHUP')
    expect(run.seen.stops).toBe(0)
    run.signal('SIGTERM')
    expect(await run.code).toBe(0)
    expect(run.exits).toEqual([])
  })

  test('a second signal exits at once', async () => {
    const run = start([])
    await run.printed(READY)
    run.signal('SIGINT')
    run.signal('SIGINT')
    expect(run.exits).toEqual([1])
    await run.code
  })

  test('with --json every line is JSON', async () => {
    const run = start(['--json'])
    await run.printed('listening')
    run.emit({ type: 'source_state', source: 's0' as SourceId, state: 'running' })
    run.stdin.write('status\nxyzzy\nq\n')
    await run.code
    const lines = run
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({
      event: { type: 'listening', address: 'http://127.0.0.1:4321' },
    })
    expect(lines[1]).toMatchObject({ id: 1, event: { type: 'source_state' } })
    expect(lines[2]).toHaveProperty('status.sources')
    expect(lines[3]).toHaveProperty('answer')
  })

  test('events below the log level are left out', async () => {
    const run = start(['--log-level', 'warn'])
    await run.printed(READY)
    run.emit({ type: 'channel_started', name: 'quiet' })
    run.emit({ type: 'warning', message: 'loud' })
    run.end()
    await run.code
    expect(run.out()).not.toContain('quiet')
    expect(run.out()).toContain('loud')
  })

  test('when the program goes to standard output, words go to standard error', async () => {
    const run = start(['-o', '-', '-s', 'a.ts'])
    run.stdin.write('q\n')
    await run.code
    expect(run.out()).toBe('')
    expect(run.err()).toContain(READY)
  })
})

test('flags, environment and defaults reach the app as one frozen configuration', async () => {
  const run = start(['--sources', 's0=udp://h:1;s1=x.ts', '--latency', '250'], {
    env: { SLUICE_MODE: 'graceful', SLUICE_TOKEN: 'hush' },
  })
  run.end()
  await run.code
  expect(run.seen.config).toMatchObject({
    channel: {
      latencyMs: 250,
      mode: 'graceful',
      sources: [{ id: 's0', url: 'udp://h:1' }, { id: 's1' }],
    },
    token: 'hush',
    json: false,
  })
  expect(run.seen.hooks?.version).toBe('1.2.3')
})

test('options of the packager reach the app, and its addresses are shown', async () => {
  const run = start(['-o', 'hls:', '-o', 'x=dash:', '--low-latency', '--hls-segment-time', '2'])
  run.end()
  await run.code
  expect(run.seen.config?.channel).toMatchObject({
    hls: { lowLatency: true, segmentTime: 2 },
    outputs: [
      { id: 'out0', url: 'hls:' },
      { id: 'x', url: 'dash:' },
    ],
  })
  expect(run.out()).toContain(
    '(program: http://127.0.0.1:4321/stream.ts, http://127.0.0.1:4321/live/stream.m3u8, http://127.0.0.1:4321/live/stream.mpd)',
  )
})

test('keys of outputs are taken out of the log, those in variables too', async () => {
  const run = start(['-o', 'twitch:{env:MY_KEY}', '-o', 'rtmp://h/app/written-key'], {
    env: { MY_KEY: 'live_hush' },
  })
  await run.printed(READY)
  run.seen.hooks?.log.write('sent live_hush and written-key\n')
  run.end()
  await run.code
  expect(run.out()).toContain('sent *** and ***')
  expect(run.out() + run.err()).not.toContain('hush')
})

test('the token is taken out of the log', async () => {
  const run = start(['--token', 'hushhush'])
  await run.printed(READY)
  run.seen.hooks?.log.write('header was hushhush\n')
  run.end()
  await run.code
  expect(run.out()).toContain('header was ***')
})

describe('at the start and the end', () => {
  test.each<[string, readonly string[], number, string]>([
    [
      'a wrong value',
      ['--latency', 'abc'],
      2,
      '--latency: "abc" is not a number of milliseconds (0 to 10000)',
    ],
    [
      'an unknown option',
      ['--latncy', '3'],
      2,
      "unknown option '--latncy'\n(Did you mean --latency?)",
    ],
    [
      'a missing file',
      ['--config', '/nowhere/x.toml'],
      2,
      '--config: "/nowhere/x.toml" cannot be read: no such file or directory (ENOENT)',
    ],
    ['a stray word', ['s1'], 2, 'too many arguments'],
  ])('%s is one sentence and a code', async (_name, args, code, message) => {
    const run = start(args)
    expect(await run.code).toBe(code)
    expect(run.err()).toContain(message)
    expect(run.err()).not.toMatch(/^\s+at /m)
    expect(run.seen.config).toBeUndefined()
  })

  test.each<[string, Error, number, RegExp]>([
    [
      'an expected fault',
      new SluiceError('address_in_use', 'port 8099 is in use'),
      1,
      /^sluice: port 8099 is in use\n$/,
    ],
    ['a fault of its own', new TypeError('oops'), 1, /internal fault: TypeError: oops\n\s+at /],
  ])('%s that ends the app is reported', async (_name, error, code, message) => {
    const run = start([])
    await run.printed(READY)
    run.fail(error)
    expect(await run.code).toBe(code)
    expect(run.err()).toMatch(message)
  })

  test('a variable that looks like ours is warned of', async () => {
    const run = start([], { env: { SLUICE_MOD: 'x' } })
    run.end()
    await run.code
    expect(run.err()).toContain(
      'SLUICE_MOD: unknown environment variable, ignored; did you mean "SLUICE_MODE"?',
    )
  })
})

describe('in a terminal', () => {
  const terminal = { columns: 100, rows: 20 }

  test('keys and typed commands act, their answers are shown, and the screen is given back', async () => {
    const run = start(['-s', 'a.ts'], { terminal })
    await run.printed('ON AIR')
    run.stdin.write('1')
    await run.printed('on air: s1 (was s0)')
    run.stdin.write(':mode graceful\r')
    await run.printed('mode is now graceful')
    run.stdin.write('P0')
    run.stdin.write('m')
    await run.printed('wanted s1, preview')
    run.stdin.write('q')
    expect(await run.code).toBe(0)
    expect(run.asked).toEqual(['take s1 program', 'change {"mode":"graceful"}', 'take s0 preview'])
    const after = run.out().slice(run.out().lastIndexOf('\u001b[?1049l'))
    expect(after).toContain('Sluice has stopped')
    expect(after).not.toContain('ON AIR')
  })

  test('the screen is given back when the app fails', async () => {
    const run = start([], { terminal })
    await run.printed('ON AIR')
    run.fail(new SluiceError('internal', 'broken'))
    expect(await run.code).toBe(1)
    expect(run.out().endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l')).toBe(true)
  })

  test.each([
    ['--no-tty', ['--no-tty'], {}],
    ['--json', ['--json'], {}],
    ['TERM=dumb', [], { TERM: 'dumb' }],
    ['SLUICE_NO_TTY', [], { SLUICE_NO_TTY: '1' }],
  ])('%s asks for lines', async (_name, args, env) => {
    const run = start(args, { terminal, env })
    await run.printed('http://127.0.0.1:4321')
    run.end()
    await run.code
    expect(run.out()).not.toContain('\u001b')
  })
})
