/** One bundle: its card, what it was made of, where it runs, and rolling it out. */
import type { ApiAnswer, Digest, Model } from '@nanofleet/protocol';
import { useMay } from '../access/session.ts';
import { useAnswer } from '../access/use-answer.ts';
import { Moment } from '../parts/moment.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Panel } from '../parts/panel.tsx';
import { Answer, Empty } from '../parts/states.tsx';
import { Table } from '../parts/table.tsx';
import { Link } from '../routing/link.tsx';
import { bytesText, digestText, microsText, pluralText, shareText } from '../words/units.ts';
import { RollOut } from './roll-out.tsx';
import { RolloutList } from './rollout-list.tsx';

type Shown = ApiAnswer<'model'>;

/** The page. */
export const ModelPage = (props: { readonly digest: Digest }) => {
  const asked = useAnswer('model', { params: { digest: props.digest } }, { parts: ['models'] });
  const rollouts = useAnswer('rollouts', {}, { parts: ['rollouts'] });
  const mayPush = useMay('publisher');
  const model = asked.value;
  const own = (rollouts.value?.items ?? []).filter(({ digest }) => digest === props.digest);
  return (
    <div className="page">
      <PageHead
        title={model === null ? digestText(props.digest) : `${model.line} ${model.version}`}
        trail={<Link to="models">Models</Link>}
      >
        {model !== null && mayPush ? <RollOut model={model} /> : null}
      </PageHead>
      <Answer asked={asked} lines={6}>
        {(shown) => (
          <>
            <Missing model={shown} />
            <div className="grid">
              <Card model={shown} />
              <Quality model={shown} />
            </div>
            <Ancestors model={shown} />
          </>
        )}
      </Answer>
      <Panel title="Rollouts of it" flush>
        <Answer asked={rollouts}>
          {() => (own.length === 0 ? <Empty title="It was never rolled out" /> : <RolloutList items={own} />)}
        </Answer>
      </Panel>
    </div>
  );
};

const Missing = ({ model }: { readonly model: Shown }) =>
  model.missing.length === 0 ? null : (
    <div className="problem" role="alert">
      <div className="code">BUNDLE_FILE_MISSING</div>
      {pluralText(model.missing.length, 'file')} of this bundle are gone from the controller's disk; devices
      cannot fetch it. Push it again.
    </div>
  );

const Card = ({ model }: { readonly model: Shown }) => {
  const { card } = model;
  return (
    <Panel title="Card">
      <dl className="facts">
        <dt>Digest</dt>
        <dd className="digest">{model.digest}</dd>
        <dt>Task</dt>
        <dd>{model.task}</dd>
        <dt>Release</dt>
        <dd className="number">{model.releaseCounter}</dd>
        <dt>Size</dt>
        <dd className="number">{bytesText(model.bytes)}</dd>
        {card === null ? null : (
          <>
            <dt>Cost</dt>
            <dd className="number">
              {microsText(card.cost.microseconds)} per input, {bytesText(card.cost.rssBytes)} of memory
            </dd>
            <dt>Labels</dt>
            <dd>
              <details>
                <summary>
                  {pluralText(card.labels.names.length, 'label')}, list version {card.labels.version}
                </summary>
                {card.labels.names.join(', ')}
              </details>
            </dd>
            <dt>License</dt>
            <dd>{card.license}</dd>
            <dt>Data</dt>
            <dd>
              {card.attribution.length === 0 ? (
                'none named'
              ) : (
                <details>
                  <summary>{pluralText(card.attribution.length, 'source')}</summary>
                  <ul>
                    {card.attribution.map((source) => (
                      <li key={source}>{source}</li>
                    ))}
                  </ul>
                </details>
              )}
            </dd>
          </>
        )}
        <dt>Signed by</dt>
        <dd className="digest">{model.keyId}</dd>
        <dt>Registered</dt>
        <dd>
          <Moment at={model.uploadedAt} />
        </dd>
      </dl>
    </Panel>
  );
};

const Quality = ({ model }: { readonly model: Shown }) => {
  const measured = model.card?.quality ?? [];
  const optional = (value: number | undefined): string => (value === undefined ? '–' : shareText(value));
  return (
    <Panel title="Measured quality" aside="as the manifest states it, signed" flush>
      {measured.length === 0 ? (
        <Empty title="The manifest states none" />
      ) : (
        <Table
          label="Measured quality"
          rows={measured}
          keyOf={({ dataset, split, seed }) => `${dataset} ${split} ${seed}`}
          columns={[
            { title: 'Data', cell: ({ dataset }) => <span className="strong">{dataset}</span> },
            { title: 'Split', cell: ({ split }) => split },
            { title: 'Accuracy', cell: ({ accuracy }) => shareText(accuracy), isRight: true },
            { title: 'Macro F1', cell: ({ macroF1 }) => optional(macroF1), isRight: true },
            { title: 'AUROC', cell: ({ auroc }) => optional(auroc), isRight: true },
            {
              title: 'Calibration',
              cell: ({ expectedCalibrationError }) => optional(expectedCalibrationError),
              isRight: true,
            },
          ]}
        />
      )}
    </Panel>
  );
};

const Ancestors = ({ model }: { readonly model: Shown }) => (
  <Panel title="Lineage" aside="nearest first" flush>
    {model.parent === null ? (
      <Empty title="It was trained from nothing">
        <p>No bundle is named as its parent.</p>
      </Empty>
    ) : model.lineage.length === 0 ? (
      <Empty title="Its parent is not registered here">
        <p className="digest">{model.parent}</p>
      </Empty>
    ) : (
      <Table
        label="Ancestors"
        rows={model.lineage}
        keyOf={({ digest }) => digest}
        columns={[
          {
            title: 'Bundle',
            cell: ({ digest, line, version }: Model) => (
              <Link to="model" params={{ digest }}>
                <span className="strong">{`${line} ${version}`}</span>
              </Link>
            ),
          },
          { title: 'Release', cell: ({ releaseCounter }) => releaseCounter, isRight: true },
          { title: 'Size', cell: ({ bytes }) => bytesText(bytes), isRight: true },
          { title: 'Registered', cell: ({ uploadedAt }) => <Moment at={uploadedAt} />, isRight: true },
        ]}
      />
    )}
  </Panel>
);
