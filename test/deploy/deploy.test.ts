// What deploy/ ships: built from files that exist, on the versions of this tree, checked by the programs that will read it
// where those are here, and by strict schemas where they are not. Images are not built: nothing here has an engine for them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { scratchDirectory } from '../faults/parts/clone.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const installed = (...paths: string[]): string | undefined => paths.find(existsSync);
const FIGURES = new Set(
  [...read('controller/src/metrics/metrics.service.ts').matchAll(/'(nanofleet_[a-z_]+)'/g)].map(
    ([, name]) => name,
  ),
);

describe.each(['controller', 'agent'])('the image of the %s', (name) => {
  const lines = read(`deploy/docker/${name}.Dockerfile`).split('\n');

  it('copies only what is there', () => {
    const sources = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(sources.length).toBeGreaterThan(8);
    expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
  });

  it('runs on a version of Node that this tree is made for, as nobody of rights', () => {
    const bases = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(/\s+/)[1]);
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const floor = engines.node.replace('>=', '').split('.').map(Number);
    for (const base of bases) {
      const [, major, minor] = /^node:(\d+)\.(\d+)\.\d+-bookworm-slim$/.exec(base ?? '') ?? [];
      expect([Number(major), Number(minor) >= (floor[1] ?? 0)]).toEqual([floor[0], true]);
    }
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
    expect(lines.at(-1) === '' && lines.some((line) => line.startsWith('STOPSIGNAL SIGTERM'))).toBe(true);
  });

  it('starts a program that building makes', () => {
    const entry = lines.find((line) => line.startsWith('ENTRYPOINT')) ?? '';
    const [, program] = z.tuple([z.literal('node'), z.string()]).parse(JSON.parse(entry.slice(11)));
    expect(program).toMatch(/^(controller\/dist\/main\.js|agent\/dist\/bundle\/nanofleet-agent\.mjs)$/);
  });
});

describe('compose', () => {
  const service = z.strictObject({
    ...{
      image: z.string().regex(/:[^:]*\d+\.\d+/),
      build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
    },
    ...{ entrypoint: z.array(z.string()).optional(), command: z.array(z.string()).optional() },
    ...{ environment: z.record(z.string(), z.string()).optional(), secrets: z.array(z.string()).optional() },
    ...{
      volumes: z.array(z.string()).optional(),
      ports: z.array(z.string()).optional(),
      tmpfs: z.array(z.string()).optional(),
    },
    depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).optional(),
    healthcheck: z.object({ test: z.array(z.string()), interval: z.string() }).optional(),
    ...{
      stop_grace_period: z.string().optional(),
      restart: z.literal('unless-stopped'),
      mem_limit: z.string(),
    },
    ...{
      read_only: z.boolean().optional(),
      cap_drop: z.array(z.string()).optional(),
      security_opt: z.array(z.string()).optional(),
    },
  });
  const file = z
    .strictObject({
      name: z.string(),
      services: z.record(z.string(), service),
      secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
      volumes: z.record(z.string(), z.strictObject({})),
    })
    .parse(parse(read('deploy/compose/compose.yaml')));
  const services = Object.entries(file.services);

  it('names only secrets, volumes and files that there are', () => {
    const secrets = services.flatMap(([, { secrets: named = [] }]) => named);
    expect(secrets.filter((name) => file.secrets[name] === undefined)).toEqual([]);
    const mounts = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((mount) => mount.split(':')[0] ?? ''),
    );
    const missing = mounts.filter((source) =>
      source.startsWith('.')
        ? !existsSync(join(ROOT, 'deploy/compose', source))
        : file.volumes[source] === undefined,
    );
    expect(missing).toEqual([]);
    expect(
      existsSync(
        join(ROOT, 'deploy/compose', file.services['controller']?.build?.context ?? '-', 'package.json'),
      ),
    ).toBe(true);
  });

  it('gives the controller options that it has, and time to drain', () => {
    const help = read('controller/src/command.ts');
    const { command = [], stop_grace_period: grace = '' } = file.services['controller'] ?? {};
    const options = command.filter((word) => word.startsWith('--'));
    expect(options.filter((option) => !help.includes(`  ${option} `))).toEqual([]);
    expect(Number.parseInt(grace, 10)).toBeGreaterThan(Number(command[command.indexOf('--drain') + 1]) + 4);
  });
});

describe('Kubernetes', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/nanofleet.yaml')).map(
    (one) => one.toJS() as unknown,
  );
  const probe = z.object({
    httpGet: z.object({ path: z.string(), port: z.literal('https'), scheme: z.literal('HTTPS') }),
  });
  const container = z.object({
    args: z.array(z.string()),
    ...{ startupProbe: probe, livenessProbe: probe, readinessProbe: probe },
    resources: z.object({ limits: z.object({ memory: z.string() }) }),
    securityContext: z.object({
      readOnlyRootFilesystem: z.literal(true),
      allowPrivilegeEscalation: z.literal(false),
    }),
    volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
  });
  const set = z.object({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('StatefulSet'),
    spec: z.object({
      replicas: z.literal(2),
      selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      template: z.object({
        metadata: z.object({ labels: z.record(z.string(), z.string()) }),
        spec: z.object({
          securityContext: z.object({ runAsNonRoot: z.literal(true) }),
          containers: z.array(container).length(1),
          volumes: z.array(z.object({ name: z.string() })),
        }),
      }),
      volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })),
    }),
  });
  const { spec } = set.parse(documents[0]);
  const [controller] = spec.template.spec.containers;

  it('runs two controllers, of which one stays while nodes are emptied', () => {
    const budget = z.object({
      apiVersion: z.literal('policy/v1'),
      kind: z.literal('PodDisruptionBudget'),
      spec: z.object({
        minAvailable: z.literal(1),
        selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      }),
    });
    expect(budget.parse(documents[2]).spec.selector).toEqual(spec.selector);
    expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
  });

  it('asks addresses that the controller has', () => {
    const probes = [controller?.startupProbe, controller?.livenessProbe, controller?.readinessProbe];
    expect(probes.map((asked) => asked?.httpGet.path)).toEqual([
      API.alive.path,
      API.alive.path,
      API.ready.path,
    ]);
  });

  it('mounts only volumes that there are, and gives options that there are', () => {
    const volumes = [
      ...spec.template.spec.volumes,
      ...spec.volumeClaimTemplates.map(({ metadata }) => metadata),
    ];
    const names = volumes.map(({ name }) => name);
    expect(controller?.volumeMounts.filter(({ name }) => !names.includes(name))).toEqual([]);
    const help = read('controller/src/command.ts');
    const isUnknown = (word: string) => word.startsWith('--') && !new RegExp(` ${word} [A-Z]`).test(help);
    expect(controller?.args.filter(isUnknown)).toEqual([]);
  });
});

describe('figures', () => {
  const named = (text: string): string[] =>
    [...text.matchAll(/\b(nanofleet_[a-z_]+)/g)].map(([, name = '']) => name);
  const unknown = (text: string) =>
    named(text).filter(
      (name) => !FIGURES.has(name.replace(/_(bucket|count|sum)$/, '')) && !FIGURES.has(name),
    );

  it('the dashboard, the alerts and the manual name figures that the controller has', () => {
    const board = z
      .object({
        panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).min(1) })).min(8),
      })
      .parse(JSON.parse(read('deploy/grafana/nanofleet.json')));
    const asked = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n');
    expect(unknown(asked)).toEqual([]);
    expect(unknown(read('deploy/prometheus/alerts.yml'))).toEqual([]);
    expect([...FIGURES].filter((name) => !read('docs/operating/figures.md').includes(name ?? '-'))).toEqual([
      'nanofleet_build_info',
    ]);
  });

  const promtool = installed('/usr/bin/promtool');
  it.runIf(promtool)('promtool takes the configuration and the alerts', () => {
    const checked = spawnSync(promtool ?? '', [
      'check',
      'config',
      '--syntax-only',
      join(ROOT, 'deploy/prometheus/prometheus.yml'),
    ]);
    expect([checked.status, checked.stderr.toString()]).toEqual([0, '']);
    const rules = spawnSync(promtool ?? '', ['check', 'rules', join(ROOT, 'deploy/prometheus/alerts.yml')]);
    expect([rules.status, rules.stderr.toString()]).toEqual([0, '']);
  });
});

describe('systemd', () => {
  const analyze = installed('/usr/bin/systemd-analyze');
  const unit = join(ROOT, 'deploy/systemd/nanofleet-controller.service');

  it.runIf(analyze)('finds nothing wrong with the unit but that it is not installed', () => {
    const directory = scratchDirectory();
    const here = join(directory, 'nanofleet-controller.service');
    writeFileSync(here, readFileSync(unit, 'utf8').replace('/usr/bin/node', process.execPath));
    const { stderr } = spawnSync(analyze ?? '', ['verify', '--man=no', here]);
    expect(
      stderr
        .toString()
        .split('\n')
        .filter((line) => line.includes('nanofleet-controller')),
    ).toEqual([]);
  });

  it.runIf(analyze)('leaves the controller little to do harm with', () => {
    const { stdout } = spawnSync(analyze ?? '', ['security', '--offline=true', '--no-pager', unit]);
    const [, exposure] = /Overall exposure level for \S+: ([0-9.]+)/.exec(stdout.toString()) ?? [];
    expect(Number(exposure)).toBeLessThanOrEqual(3);
  });
});
