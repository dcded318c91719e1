// When a share of offloads counts as a leap.
import type { FigurePoint } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { spikeOf } from './spike.plan.ts';

const point = (decisions: number, offered: number): FigurePoint => ({
  at: 0,
  decisions,
  offered,
  online: 1,
  p50: null,
  p95: null,
  p99: null,
});

it('three times the usual share is a leap', () => {
  expect(spikeOf([point(1_000, 50)], [point(100, 30)])).toMatchObject({ share: 0.3 });
});

it('a little more than usual, few decisions, or nothing to compare with is none', () => {
  expect(spikeOf([point(1_000, 50)], [point(100, 12)])).toBeNull();
  expect(spikeOf([point(1_000, 50)], [point(10, 9)])).toBeNull();
  expect(spikeOf([], [point(100, 90)])).toBeNull();
});

it('three questions out of thirty decisions of a fleet that never asks are no leap', () => {
  expect(spikeOf([point(1_000, 0)], [point(30, 0)])).toBeNull();
  expect(spikeOf([point(1_000, 10)], [point(30, 2)])).toBeNull();
});
