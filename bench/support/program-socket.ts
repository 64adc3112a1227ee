import { connect } from 'node:net'

/** A viewer on a plain socket: bytes and arrival times. */
export interface ProgramSocket {
  /** Milliseconds from connecting to the first byte of the body. */
  readonly firstByteMs: number
  close(): void
}

const HEAD_END = '\r\n\r\n'

/** Resolves at the first byte of the body; passes on each piece of the body with its arrival time. */
export const openProgramSocket = (
  address: string,
  onBody: (piece: Buffer, at: number) => void,
): Promise<ProgramSocket> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(address)
    const begun = performance.now()
    const socket = connect(Number(port), hostname)
    let head: Buffer | undefined = Buffer.alloc(0)
    let answered = false
    const body = (piece: Buffer, at: number): void => {
      if (piece.length === 0) return
      onBody(piece, at)
      if (answered) return
      answered = true
      resolve({ firstByteMs: at - begun, close: () => socket.destroy() })
    }
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.on('connect', () => socket.write(`GET /stream.ts HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
    socket.on('data', (piece: Buffer) => {
      const at = performance.now()
      if (head === undefined) {
        body(piece, at)
        return
      }
      head = Buffer.concat([head, piece])
      const end = head.indexOf(HEAD_END)
      if (end < 0) return
      const rest = head.subarray(end + HEAD_END.length)
      head = undefined
      body(rest, at)
    })
  })
