/** The lineage of a line as a graph: each bundle, out of which it was made, and on how many devices it runs. */
import type { Digest, Model } from '@nanofleet/protocol';
import { Link } from '../routing/link.tsx';
import { pluralText } from '../words/units.ts';
import { type Placed, placedLineage } from './lineage.plan.ts';

const WIDTH = 176;
const HEIGHT = 50;
const ACROSS = WIDTH + 56;
const DOWN = HEIGHT + 14;

type Node = Placed<Model>;
const left = ({ column }: Node): number => column * ACROSS + 1;
const top = ({ row }: Node): number => row * DOWN + 1;

/** The graph; wide ones scroll. */
export const Lineage = (props: {
  readonly line: string;
  readonly models: readonly Model[];
  readonly running: ReadonlyMap<Digest, number>;
  /** What the controller's own mini tier runs. */
  readonly mini: Digest | null;
}) => {
  const nodes = placedLineage(props.models);
  const byDigest = new Map(nodes.map((node) => [node.digest, node]));
  const width = (Math.max(0, ...nodes.map(({ column }) => column)) + 1) * ACROSS - 54;
  const height = (Math.max(0, ...nodes.map(({ row }) => row)) + 1) * DOWN - 12;
  return (
    <div className="lineage" role="group" aria-label={`Lineage of ${props.line}`} tabIndex={0}>
      <svg width={width} height={height} role="group" aria-label={`Bundles of ${props.line}`}>
        {nodes.map((node) => {
          const parent = node.parent === null ? undefined : byDigest.get(node.parent);
          return parent === undefined ? null : <Edge key={node.digest} from={parent} to={node} />;
        })}
        {nodes.map((node) => (
          <Link key={node.digest} to="model" params={{ digest: node.digest }}>
            <Box
              node={node}
              devices={props.running.get(node.digest) ?? 0}
              isMini={node.digest === props.mini}
            />
          </Link>
        ))}
      </svg>
    </div>
  );
};

const Edge = (props: { readonly from: Node; readonly to: Node }) => {
  const x1 = left(props.from) + WIDTH;
  const y1 = top(props.from) + HEIGHT / 2;
  const x2 = left(props.to);
  const y2 = top(props.to) + HEIGHT / 2;
  const middle = (x1 + x2) / 2;
  return <path className="edge" d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} />;
};

const Box = (props: { readonly node: Node; readonly devices: number; readonly isMini: boolean }) => {
  const { node, devices, isMini } = props;
  const places = [
    ...(isMini ? ['on the controller'] : []),
    ...(devices > 0 ? [`on ${pluralText(devices, 'device')}`] : []),
  ];
  const runs = places.length === 0 ? 'runs nowhere' : places.join(', ');
  return (
    <g className="node" data-runs={places.length > 0}>
      <rect x={left(node)} y={top(node)} width={WIDTH} height={HEIGHT} rx="6" />
      <text x={left(node) + 12} y={top(node) + 21}>
        {node.version}
      </text>
      <text className="small" x={left(node) + 12} y={top(node) + 38}>
        {`release ${node.releaseCounter}, ${runs}`}
      </text>
    </g>
  );
};
