/** Whether a topic is one of a filter's (MQTT 3.1.1, 4.7). Pure. */

/** `+` stands for one level, `#` for the rest; neither for a topic of the broker's own, which begins with `$`. */
export const isTopicOf = (filter: string, topic: string): boolean => {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const rest = wanted.indexOf('#');
  const fixed = rest === -1 ? wanted : wanted.slice(0, rest);
  const isLong = rest === -1 ? levels.length === fixed.length : levels.length >= fixed.length;
  return isLong && fixed.every((level, at) => level === '+' || level === levels[at]);
};
