/** A table whose rows become cards on a narrow screen. Owns the frame that scrolls sideways; cells are the caller's. */
import type { ReactNode } from 'react';

/** One column. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isRight?: boolean;
}

/** The table. */
export const Table = <Row,>(props: {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  readonly columns: readonly Column<Row>[];
  readonly className?: string;
}) => {
  const side = (column: Column<Row>) => (column.isRight === true ? 'right' : undefined);
  return (
    <div
      className={`table-frame ${props.className ?? ''}`}
      role="group"
      aria-label={props.label}
      tabIndex={0}
    >
      <table className="stacks">
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.title} scope="col" className={side(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.keyOf(row)}>
              {props.columns.map((column) => (
                <td key={column.title} className={side(column)} data-title={column.title}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};
