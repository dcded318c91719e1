/** The page of the address. Owns which component is which page; each asks for what it shows by itself. */
import type { DeviceId, Digest, Uuid } from '@nanofleet/protocol';
import type { ReactNode } from 'react';
import { Empty } from '../parts/states.tsx';
import { Link, usePath } from '../routing/link.tsx';
import { placeOf } from '../routing/match.ts';
import { CloudPage } from './cloud.tsx';
import { DevicePage } from './device.tsx';
import { DevicesPage } from './devices.tsx';
import { FleetPage } from './fleet.tsx';
import { ModelPage } from './model.tsx';
import { ModelsPage } from './models.tsx';
import { ReferencePage } from './reference.tsx';
import { RolloutPage } from './rollout.tsx';
import { RolloutsPage } from './rollouts.tsx';
import { RoundPage } from './round.tsx';
import { RoundsPage } from './rounds.tsx';
import { StoryPage } from './story.tsx';

/** The page. */
export const PageOf = (): ReactNode => {
  const place = placeOf(usePath());
  if (place === null) return <Nowhere />;
  const { device = '', digest = '', id = '' } = place.params;
  switch (place.page) {
    case 'story':
      return <StoryPage />;
    case 'fleet':
      return <FleetPage />;
    case 'devices':
      return <DevicesPage />;
    case 'device':
      return <DevicePage key={device} device={device as DeviceId} />;
    case 'models':
      return <ModelsPage />;
    case 'model':
      return <ModelPage key={digest} digest={digest as Digest} />;
    case 'rollouts':
      return <RolloutsPage />;
    case 'rollout':
      return <RolloutPage key={id} id={id as Uuid} />;
    case 'rounds':
      return <RoundsPage />;
    case 'round':
      return <RoundPage key={id} id={id as Uuid} />;
    case 'cloud':
      return <CloudPage />;
    case 'reference':
      return <ReferencePage />;
  }
};

const Nowhere = () => (
  <div className="page">
    <h1>There is nothing at this address</h1>
    <Empty title="The address may be of another version, or mistyped.">
      <Link to="story">To the story of the fleet</Link>
    </Empty>
  </div>
);
