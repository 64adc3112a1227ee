import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

// proc(5), /proc/[pid]/stat: fields counted from 1; after the command (field 2, which may hold anything but the last ')').
const FIELD_AFTER_COMMAND = 3
const FIELD_STATE = 3
const FIELD_PGRP = 5
const FIELD_UTIME = 14
const FIELD_STIME = 15
const FIELD_STARTTIME = 22
/** USER_HZ is 100 on every Linux that Node runs on; it is the unit of /proc, whatever the kernel's own. */
const USER_HZ = 100

export interface ProcStat {
  /** One letter: R, S, D, Z (zombie) … */
  readonly state: string
  readonly group: number
  readonly cpuSeconds: number
  /** Clock ticks between the machine's start and the process's. */
  readonly startTicks: number
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

export const parseProcStat = (text: string): ProcStat | undefined => {
  const close = text.lastIndexOf(')')
  if (close < 0) return undefined
  const fields = text.slice(close + 2).split(' ')
  const field = (n: number): string => fields[n - FIELD_AFTER_COMMAND] ?? ''
  const startTicks = Number(field(FIELD_STARTTIME))
  if (field(FIELD_STARTTIME) === '' || !Number.isSafeInteger(startTicks)) return undefined
  return {
    state: field(FIELD_STATE),
    group: Number(field(FIELD_PGRP)),
    cpuSeconds: (Number(field(FIELD_UTIME)) + Number(field(FIELD_STIME))) / USER_HZ,
    startTicks,
  }
}

/** Undefined when there is no such process, or no /proc. */
export const procStat = (pid: number): ProcStat | undefined => {
  const text = readText(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseProcStat(text)
}

const isDead = (stat: ProcStat): boolean => stat.state === 'Z' || stat.state === 'X'

/**
 * True if a process that is no zombie belongs to the group. Zombies answer kill(2) like living processes, without limit
 * where nothing reaps them (a container without an init). Also true when there is no /proc.
 */
export const hasLivingProcess = (group: number): boolean => {
  let pids: string[]
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return true
  }
  return pids.some((pid) => {
    const stat = procStat(Number(pid))
    return stat !== undefined && stat.group === group && !isDead(stat)
  })
}

/**
 * Identifies a process among others of the same pid: its start time, with its boot id (pids and start
 * times repeat after a restart of the machine). Undefined when there is no such process; a zombie is none.
 */
export const startMarkOf = (pid: number): string | undefined => {
  const boot = readText('/proc/sys/kernel/random/boot_id')
  if (boot === undefined) return startMarkFromPs(pid)
  const stat = procStat(pid)
  if (stat === undefined || isDead(stat)) return undefined
  return `${stat.startTicks}@${boot.trim()}`
}

/** Start mark from ps(1), where there is no /proc (macOS). `lstart` has seconds only: enough against reuse of a pid. */
export const startMarkFromPs = (pid: number): string | undefined => {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    const [state = '', ...start] = text.split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined
  }
}
