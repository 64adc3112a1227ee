import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'

export interface SenderOptions {
  readonly path: string
  /** Constant, null packets included. */
  readonly bitrate: number
  readonly ports: readonly number[]
}

/** Seven packets to a datagram, as is usual on Ethernet. */
const DATAGRAM = 7 * 188
const TICK_MS = 4

/** Sends one constant-rate transport stream to many ports in real time, once, and exits. */
export const sendToAll = ({ path, bitrate, ports }: SenderOptions): void => {
  const file = readFileSync(path)
  const socket = createSocket('udp4')
  const begun = performance.now()
  let at = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - begun) * bitrate) / 8_000
    for (; at < due && at + DATAGRAM <= file.length; at += DATAGRAM) {
      const datagram = file.subarray(at, at + DATAGRAM)
      for (const port of ports) socket.send(datagram, port, '127.0.0.1')
    }
    if (at + DATAGRAM <= file.length) return
    clearInterval(timer)
    socket.close()
  }, TICK_MS)
}
