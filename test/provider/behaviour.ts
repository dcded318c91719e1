/** What the test provider can be told to do with one request. Owns the forms only; `server.ts` does them. */

/** One request's fate. Times are milliseconds, `after` counts pieces of content. */
export type Behaviour =
  | {
      /** Answers by the rule, or with the content given. */
      readonly is: 'answer';
      readonly content?: string;
      /** Characters of a piece. */
      readonly piece?: number;
      /** Before the first piece, and between two. */
      readonly firstMs?: number;
      readonly betweenMs?: number;
      readonly hasUsage?: boolean;
      readonly finish?: string;
      /** Says that nothing more comes by `[DONE]`; some servers forget it. */
      readonly hasDone?: boolean;
    }
  /** An error in OpenAI's form. */
  | {
      readonly is: 'error';
      readonly status: number;
      readonly code?: string;
      readonly type?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Any body. */
  | { readonly is: 'raw'; readonly status: number; readonly body: string; readonly type: string }
  /** Ends the connection without a word. */
  | { readonly is: 'reset' }
  /** Says nothing more, for ever: before the headers, before the first piece, or after some. */
  | { readonly is: 'stall'; readonly at: 'headers' | 'content' | 'stream'; readonly after?: number }
  /** Ends the connection within the stream. */
  | { readonly is: 'cut'; readonly after: number }
  /** Ends the stream in order, but before its end: a proxy that has lost its server. */
  | { readonly is: 'end'; readonly after: number }
  /** An event that is no JSON. */
  | { readonly is: 'malformed'; readonly after: number }
  /** An error as an event of a stream that began well. */
  | { readonly is: 'error-inside'; readonly after: number; readonly code: string };
