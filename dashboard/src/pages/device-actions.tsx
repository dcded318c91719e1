/** What an operator may do with a device: move it to another group, take all its rights. Asks before either. */
import { type DeviceDetail, groupIdSchema } from '@nanofleet/protocol';
import { useState } from 'react';
import { callApi } from '../access/call.ts';
import { useMay } from '../access/session.ts';
import { useAnswer } from '../access/use-answer.ts';
import { Confirm } from '../parts/confirm.tsx';

/** The buttons; nothing for whoever may not use them. */
export const DeviceActions = (props: { readonly device: DeviceDetail; readonly changed: () => void }) => {
  const may = useMay('operator');
  if (!may || props.device.status === 'revoked') return null;
  return (
    <>
      <Move {...props} />
      <Revoke {...props} />
    </>
  );
};

const Move = (props: { readonly device: DeviceDetail; readonly changed: () => void }) => {
  const { device, group } = props.device;
  const groups = useAnswer('groups', {}, { parts: ['groups', 'devices'] });
  const [wanted, setWanted] = useState('');
  const isGiven = groupIdSchema.safeParse(wanted).success && wanted !== group;
  const act = async (): Promise<void> => {
    await callApi('moveDevice', { params: { device }, body: { group: wanted } });
    props.changed();
  };
  return (
    <Confirm button="Move" title={`Move ${device} to another group`} act={act} isReady={isGiven}>
      <p className="soft">What it runs, and how far its texts may travel, follow from its group at once.</p>
      <label className="field">
        <span>Group</span>
        <input
          type="text"
          list="groups"
          value={wanted}
          placeholder={group}
          onChange={(event) => setWanted(event.target.value)}
        />
        <datalist id="groups">
          {(groups.value?.items ?? []).map((known) => (
            <option key={known.group} value={known.group} />
          ))}
        </datalist>
      </label>
    </Confirm>
  );
};

const Revoke = (props: { readonly device: DeviceDetail; readonly changed: () => void }) => {
  const { device } = props.device;
  const [typed, setTyped] = useState('');
  const act = async (): Promise<void> => {
    await callApi('revokeDevice', { params: { device } });
    props.changed();
  };
  return (
    <Confirm button="Revoke" title={`Revoke ${device}`} act={act} isDangerous isReady={typed === device}>
      <p className="soft">
        Its session is cut and it loses all rights, for good. It goes on deciding with what it runs, but can
        neither deliver nor be updated; to come back it must be enrolled under another name.
      </p>
      <label className="field">
        <span>Type the name of the device</span>
        <input
          type="text"
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.target.value)}
        />
      </label>
    </Confirm>
  );
};
