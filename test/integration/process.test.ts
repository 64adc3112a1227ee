import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { processFigures } from '../../src/process/figures.ts'
import { findSetpriv } from '../../src/process/host.ts'
import { endOrphans, openLedger } from '../../src/process/ledger.ts'
import { compileInto } from '../helpers/compile.ts'
import {
  allBytes,
  firstText,
  fixture,
  isAlive,
  plainHost,
  runFixture,
  textUntil,
  until,
} from '../helpers/processes.ts'

let folder: string
let abort: AbortController
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  abort = new AbortController()
})
afterEach(() => {
  abort.abort()
  rmSync(folder, { recursive: true, force: true })
})

const quick = { againMs: 50, graceMs: 300 }

describe('how a child ends', () => {
  test.each([
    { args: ['0'], cause: { kind: 'exited', code: 0 } },
    { args: ['7'], cause: { kind: 'exited', code: 7 } },
  ])('exit code $args is told as it is', async ({ args, cause }) => {
    const facts = await runFixture({ name: 'exits-at-once.mjs', args }).ended
    expect(facts.cause).toEqual(cause)
    expect(facts.forced).toBe(false)
  })

  test('output cut inside a packet arrives to its last byte', async () => {
    const child = runFixture({ name: 'cuts-packet.mjs', args: ['5000'] })
    expect((await allBytes(child.stdout)).length).toBe(5000 * 188 + 100)
    expect((await child.ended).cause).toEqual({ kind: 'exited', code: 0 })
  })

  test('a program that does not exist is a cause, not an exception', async () => {
    const child = runFixture({ name: '', spec: { command: 'no-such-program-here' } })
    const { cause } = await child.ended
    expect(cause.kind).toBe('not_started')
    expect(cause.kind === 'not_started' && cause.error.message).toContain('no-such-program-here')
    expect((await allBytes(child.stdout)).length).toBe(0)
  })

  test('a signal from outside is told by its name', async () => {
    const child = runFixture({ name: 'silent.mjs' })
    process.kill(child.pid!, 'SIGKILL')
    expect((await child.ended).cause).toEqual({ kind: 'killed', signal: 'SIGKILL' })
  })

  test('an abort before the start starts nothing', async () => {
    abort.abort()
    const child = runFixture({ name: 'silent.mjs', signal: abort.signal })
    expect(child.pid).toBeUndefined()
    expect((await child.ended).cause).toEqual({ kind: 'stopped' })
  })

  test('the child is in the ledger while it runs and not after', async () => {
    const host = plainHost()
    const child = runFixture({ name: 'silent.mjs', signal: abort.signal, host })
    expect([...host.open]).toEqual([child.pid])
    abort.abort()
    await child.ended
    expect(host.open.size).toBe(0)
  })
})

describe('stopping', () => {
  test('a child that heeds TERM is not killed', async () => {
    const child = runFixture({ name: 'silent.mjs', signal: abort.signal })
    await until(() => isAlive(child.pid!))
    abort.abort()
    const facts = await child.ended
    expect(facts).toMatchObject({ cause: { kind: 'stopped' }, forced: false, signal: 'SIGTERM' })
    expect(isAlive(child.pid!)).toBe(false)
  })

  test('a child that ignores TERM gets KILL after the grace', async () => {
    const child = runFixture({
      name: 'ignores-term.mjs',
      signal: abort.signal,
      spec: { terminate: quick },
    })
    await firstText(child.stdout)
    abort.abort()
    const facts = await child.ended
    expect(facts).toMatchObject({ cause: { kind: 'stopped' }, forced: true, signal: 'SIGKILL' })
    expect(facts.ranMs).toBeLessThan(5_000)
  })

  test('a stopped (SIGSTOP) child ends on TERM within the grace', async () => {
    const child = runFixture({ name: 'silent.mjs', signal: abort.signal })
    process.kill(child.pid!, 'SIGSTOP')
    abort.abort()
    expect(await child.ended).toMatchObject({ cause: { kind: 'stopped' }, forced: false })
  })

  test('a child blocked on output that nobody reads ends without KILL', async () => {
    const child = runFixture({ name: 'endless-output.mjs', signal: abort.signal })
    await until(() => (processFigures(child.pid!)?.cpuSeconds ?? 0) > 0.02)
    abort.abort()
    expect(await child.ended).toMatchObject({ cause: { kind: 'stopped' }, forced: false })
  })

  test.each(['stay', 'exit'])('a grandchild dies with the group (parent: %s)', async (how) => {
    const child = runFixture({
      name: 'forks-grandchild.mjs',
      args: [how],
      signal: abort.signal,
      spec: { terminate: quick },
    })
    // "ready" is the grandchild's own word: from then on it ignores TERM.
    const text = (await textUntil(child.stdout, /\d+\n[^]*ready|ready[^]*\d+\n/)).replace(
      'ready',
      '',
    )
    const grandchild = Number(text)
    expect(grandchild).toBeGreaterThan(1)
    if (how === 'stay') abort.abort()
    const facts = await child.ended
    expect(facts.leftBehind || facts.forced).toBe(true)
    expect(isAlive(grandchild)).toBe(false)
  })
})

describe('streams', () => {
  test('a flood on stderr is summed, its endless line cut, and every line counted', async () => {
    const forwarded: string[] = []
    let counted = 0
    let summed = 0
    const child = runFixture({
      name: 'floods-stderr.mjs',
      args: ['20000'],
      spec: {
        onStderrLine: (line) => forwarded.push(line),
        onStderrFlood: ({ count }) => (summed += count),
        onEveryStderrLine: () => counted++,
        stderrLinesPerSecond: 5,
      },
    })
    await child.ended
    expect(counted).toBe(20_001)
    expect(forwarded.length + summed).toBe(20_001)
    expect(forwarded.length).toBeLessThan(100)
    expect(Math.max(...forwarded.map((line) => line.length))).toBeLessThanOrEqual(4_097)
  })

  test('a reader that does not read stops the writer, and memory stays bounded', async () => {
    const child = runFixture({ name: 'endless-output.mjs', signal: abort.signal })
    const before = process.memoryUsage().rss
    await until(() => (processFigures(child.pid!)?.cpuSeconds ?? 0) > 0.03)
    const cpu = processFigures(child.pid!)!.cpuSeconds
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(processFigures(child.pid!)!.cpuSeconds - cpu).toBeLessThan(0.1)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    abort.abort()
    await child.ended
  })

  test('a child that never reads its stdin costs bounded memory and no exception', async () => {
    const child = runFixture({
      name: 'never-reads-stdin.mjs',
      signal: abort.signal,
      spec: { stdin: 'pipe' },
    })
    const block = new Uint8Array(256 * 1024)
    const outcomes = new Set<string>()
    for (let at = 0; at < 100; at++) outcomes.add(child.stdin.write(block))
    expect([...outcomes]).toEqual(['wait', 'dropped'])
    expect(child.stdin.queuedBytes).toBeLessThanOrEqual(8 * 1024 * 1024)
    abort.abort()
    await child.stdin.drained(abort.signal)
    await child.ended
    expect(child.stdin.write(block)).toBe('closed')
  })

  test('writing to a child that is gone is an outcome, not an EPIPE', async () => {
    const child = runFixture({ name: 'exits-at-once.mjs', spec: { stdin: 'pipe' } })
    await child.ended
    for (let at = 0; at < 5; at++) child.stdin.write(new Uint8Array(1_000))
    expect(await until(() => child.stdin.write(new Uint8Array(10)) === 'closed')).toBe(true)
  })
})

/** Of each thread: /proc/PID/task/TID/stat, the 19th field (proc(5)). */
const nicenessOf = (pid: number): Set<number> => {
  const threads = readdirSync(`/proc/${pid}/task`)
  return new Set(
    threads.map((tid) => {
      const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
    }),
  )
}

describe.runIf(existsSync('/proc/self/task'))('niceness (read from /proc)', () => {
  const own = getPriority()

  test.each([
    { niceness: undefined, nice: own },
    { niceness: 0, nice: own },
    { niceness: 7, nice: Math.min(19, own + 7) },
    { niceness: 19, nice: 19 },
  ])('$niceness is that of all threads of a child', async ({ niceness, nice }) => {
    for (const setpriv of [undefined, findSetpriv()]) {
      const spec = niceness === undefined ? {} : { niceness }
      const host = { ...plainHost(), setpriv }
      const child = runFixture({ name: 'endless-output.mjs', signal: abort.signal, spec, host })
      await firstText(child.stdout)
      expect(nicenessOf(child.pid!)).toEqual(new Set([nice]))
    }
  })

  test('is that of its children too, and it is ended like any other', async () => {
    const child = runFixture({
      name: 'forks-grandchild.mjs',
      args: ['stay'],
      signal: abort.signal,
      spec: { terminate: quick, niceness: 7 },
    })
    const text = await textUntil(child.stdout, /\d+\n[^]*ready|ready[^]*\d+\n/)
    const grandchild = Number(text.replace('ready', ''))
    expect(nicenessOf(grandchild)).toEqual(new Set([Math.min(19, own + 7)]))
    abort.abort()
    expect(await child.ended).toMatchObject({ cause: { kind: 'stopped' } })
    expect(isAlive(grandchild)).toBe(false)
  })

  test('needs no nice(1)', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    const child = runFixture({ name: 'silent.mjs', signal: abort.signal, spec: { niceness: 7 } })
    process.env['PATH'] = path
    expect(getPriority(child.pid)).toBe(Math.min(19, own + 7))
  })

  test.runIf(existsSync('/proc/self/autogroup'))(
    'is that of its session against others, however many start at once (autogroup)',
    async () => {
      const children = [5, 6, 7].map((niceness) =>
        runFixture({ name: 'silent.mjs', signal: abort.signal, spec: { niceness } }),
      )
      const groups = (): string[] =>
        children.map(({ pid }) => readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim())
      await until(() => groups().every((group) => !group.endsWith(' nice 0')))
      expect(groups().map((group) => group.replace(/^.* /, ''))).toEqual(['5', '6', '7'])
      expect(readFileSync('/proc/self/autogroup', 'utf8')).toMatch(/ nice 0\n$/)
    },
  )
})

let compiled: string
beforeAll(() => {
  compiled = mkdtempSync(join(tmpdir(), 'sluice-compiled-'))
  compileInto(compiled, ['process/spawn.ts', 'process/host.ts'])
})
afterAll(() => rmSync(compiled, { recursive: true, force: true }))

/** Starts the fixture parent, and gives its pid and that of its child. */
const startParent = async (how: 'setpriv' | 'plain') => {
  const parent = spawn(
    process.execPath,
    [fixture('parent-of-child.mjs'), compiled, folder, how, 'sleep', '300'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const child = Number(await firstText(parent.stdout))
  return { parent: parent.pid!, child }
}

describe('orphans', () => {
  test.runIf(findSetpriv() !== undefined)(
    'kill -9 of Sluice ends the child at once through setpriv',
    async () => {
      const { parent, child } = await startParent('setpriv')
      expect(isAlive(child)).toBe(true)
      process.kill(parent, 'SIGKILL')
      expect(await until(() => !isAlive(child))).toBe(true)
    },
  )

  test('without setpriv the next start ends it, and only it', async () => {
    const dead = await startParent('plain')
    const living = await startParent('plain')
    process.kill(dead.parent, 'SIGKILL')
    await until(() => !isAlive(dead.parent))
    expect(isAlive(dead.child)).toBe(true)

    const ended = await endOrphans(folder)
    expect(ended).toEqual([{ pid: dead.child, command: 'sleep', purpose: 'test' }])
    expect(isAlive(dead.child)).toBe(false)
    expect(isAlive(living.child)).toBe(true)
    expect(readdirSync(folder).length).toBe(1)
    expect(await endOrphans(folder)).toEqual([])

    process.kill(living.parent, 'SIGKILL')
    await until(() => !isAlive(living.parent))
    const both = await Promise.all([endOrphans(folder), endOrphans(folder)])
    expect(both.flat().some(({ pid }) => pid === living.child)).toBe(true)
    expect(isAlive(living.child)).toBe(false)
    expect(readdirSync(folder)).toEqual([])
  })

  test('a ledger that is closed leaves nothing behind', () => {
    const ledger = openLedger(folder)
    ledger.record({ pid: process.pid, command: 'x', purpose: 'y' })
    expect(readdirSync(folder).length).toBe(1)
    ledger.close()
    expect(readdirSync(folder)).toEqual([])
  })
})
