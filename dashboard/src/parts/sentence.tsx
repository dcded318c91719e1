/** A sentence of pieces: text, stressed names, links to pages. */
import { Link } from '../routing/link.tsx';
import type { Piece } from '../words/happenings.ts';

/** The sentence. */
export const Sentence = (props: { readonly pieces: readonly Piece[] }) => (
  <span>
    {props.pieces.map((piece, at) => {
      const key = `${at} ${'text' in piece ? piece.text : piece.strong}`;
      if ('text' in piece) return <span key={key}>{piece.text}</span>;
      if (!('to' in piece)) return <strong key={key}>{piece.strong}</strong>;
      return (
        <Link key={key} to={piece.to} params={piece.params}>
          <strong>{piece.strong}</strong>
        </Link>
      );
    })}
  </span>
);
