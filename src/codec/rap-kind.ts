/**
 * How a decoder may enter at a picture, found in the coded data (never from a flag alone):
 * H.264 IDR; HEVC IDR, BLA, CRA; MPEG-2 I picture with sequence header; H.264 recovery point SEI.
 * 'none' for every other picture, and for pictures without parameter sets where those are needed to enter.
 */
export type RapKindName = 'none' | 'idr' | 'bla' | 'cra' | 'i_picture' | 'recovery_point'
