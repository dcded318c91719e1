/** Asks before something that cannot be taken back, or that takes a choice. Shows the controller's refusal in place. */
import { type NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { ProblemNote } from './problem-note.tsx';

/** A button that opens the question. */
export const Confirm = (props: {
  readonly button: string;
  readonly title: string;
  readonly act: () => Promise<void>;
  readonly isDangerous?: boolean;
  readonly isReady?: boolean;
  readonly children: ReactNode;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<NanofleetError | null>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    props
      .act()
      .then(() => setOpen(false))
      .catch((thrown: unknown) => setProblem(toNanofleetError(thrown)))
      .finally(() => setBusy(false));
  };
  const danger = props.isDangerous === true ? ' danger' : '';
  return (
    <>
      <button type="button" className={`button${danger}`} onClick={() => setOpen(true)}>
        {props.button}
      </button>
      <dialog ref={dialog} aria-label={props.title} onClose={() => setOpen(false)}>
        {isOpen ? (
          <form onSubmit={submit}>
            <h2>{props.title}</h2>
            {props.children}
            {problem === null ? null : <ProblemNote problem={problem} />}
            <div className="ends">
              <button type="button" className="button" onClick={() => setOpen(false)}>
                Cancel
              </button>
              <button
                type="submit"
                className={props.isDangerous === true ? 'button danger' : 'button primary'}
                disabled={isBusy || props.isReady === false}
              >
                {props.button}
              </button>
            </div>
          </form>
        ) : null}
      </dialog>
    </>
  );
};
