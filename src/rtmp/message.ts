/** One message of the chunk stream, "Adobe's Real Time Messaging Protocol" 1.0, sections 5.4, 6 and 7. */
export interface RtmpMessage {
  readonly type: number
  /** Message stream id: 0 for the connection itself. */
  readonly stream: number
  /** Milliseconds, 32 bits. */
  readonly time: number
  readonly payload: Uint8Array
}

export const SET_CHUNK_SIZE = 1
export const ABORT = 2
export const ACKNOWLEDGEMENT = 3
export const USER_CONTROL = 4
export const WINDOW_ACKNOWLEDGEMENT_SIZE = 5
export const SET_PEER_BANDWIDTH = 6
export const AUDIO = 8
export const VIDEO = 9
export const AMF3_COMMAND = 17
export const AMF0_DATA = 18
export const AMF0_COMMAND = 20

/** User control events, 6.2. */
export const PING_REQUEST = 6
export const PING_RESPONSE = 7

/** 5.4: protocol control messages are on chunk stream 2 and message stream 0. */
export const CONTROL_CHUNK_STREAM = 2

/** A message whose payload is one number, 5.4. */
export const controlMessage = (type: number, value: number): RtmpMessage => {
  const payload = new Uint8Array(4)
  new DataView(payload.buffer).setUint32(0, value >>> 0)
  return { type, stream: 0, time: 0, payload }
}

export const userControl = (event: number, value: number): RtmpMessage => {
  const payload = new Uint8Array(6)
  const view = new DataView(payload.buffer)
  view.setUint16(0, event)
  view.setUint32(2, value >>> 0)
  return { type: USER_CONTROL, stream: 0, time: 0, payload }
}

/** The 32-bit number at an offset; undefined when the payload is shorter. */
export const uint32At = (payload: Uint8Array, at: number): number | undefined =>
  payload.length < at + 4
    ? undefined
    : new DataView(payload.buffer, payload.byteOffset).getUint32(at)
