import type { Writable } from 'node:stream'

/** Beyond this, bytes for a child that does not read are dropped: memory is bounded. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024

/**
 * `written`: continue. `wait`: accepted, but the child is behind; await `drained()` first. `dropped`: not accepted, the
 * child has not read for `MAX_QUEUED_BYTES` bytes. `closed`: the child reads no more.
 */
type WriteOutcome = 'written' | 'wait' | 'dropped' | 'closed'

/** The stdin of a child. Nothing here throws: a child that ended is an outcome, reported by `ended`. */
export interface StdinWriter {
  write(bytes: Uint8Array): WriteOutcome
  /** Resolves when the child has caught up, or is closed, or the signal is aborted. */
  drained(signal?: AbortSignal): Promise<void>
  /** End of input; idempotent. */
  end(): void
  readonly queuedBytes: number
  readonly droppedBytes: number
}

export const stdinWriter = (stream: Writable): StdinWriter => {
  let isOpen = true
  let droppedBytes = 0
  const markClosed = (): void => void (isOpen = false)
  // EPIPE when the child is gone before its input: expected, and reported by its end.
  stream.on('error', markClosed)
  stream.on('close', markClosed)
  return {
    write: (bytes) => {
      if (!isOpen || stream.writableEnded || stream.destroyed) return 'closed'
      if (stream.writableLength + bytes.byteLength > MAX_QUEUED_BYTES) {
        droppedBytes += bytes.byteLength
        return 'dropped'
      }
      return stream.write(bytes) ? 'written' : 'wait'
    },
    drained: (signal) => drained(stream, signal),
    end: () => {
      if (!stream.writableEnded && !stream.destroyed) stream.end()
    },
    get queuedBytes() {
      return stream.writableLength
    },
    get droppedBytes() {
      return droppedBytes
    },
  }
}

const drained = (stream: Writable, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (!stream.writableNeedDrain || stream.destroyed || signal?.aborted === true) {
      resolve()
      return
    }
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      stream.off('error', done)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
    stream.on('error', done)
    signal?.addEventListener('abort', done)
  })

/** Stdin of a child started without one. */
export const CLOSED_STDIN: StdinWriter = {
  write: () => 'closed',
  drained: () => Promise.resolve(),
  end: () => {},
  queuedBytes: 0,
  droppedBytes: 0,
}
