#!/usr/bin/env node
// Wires the command `forge` to the process: arguments, streams, the clock. It never does anything else.
// First: it refuses what onnxruntime-node would tell its makers.
import '@nanofleet/runtime/node';
import { forge } from './command/forge.ts';

process.exitCode = await forge(process.argv.slice(2), {
  out: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  redraw: (line) => void process.stderr.write(`\r\u001b[K${line}`),
  isTerminal: process.stderr.isTTY,
  nowMs: () => performance.now(),
});
