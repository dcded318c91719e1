// Owns which English words sound alike: what speech recognition takes one for the other. Lists only; it never changes a text.

const SAME_SOUND = `
to two too|their there they're|four for fore|your you're|its it's|i eye|buy by bye|know no|knew new|whether weather|write right
here hear|would wood|one won|our hour|see sea|be bee|week weak|mail male|rain reign rein|sun son|meet meat|read red|plain plane
fare fair|flour flower|whole hole|wait weight|way weigh|where wear ware|which witch|whose who's|brake break
cell sell|cent sent scent|check cheque|days daze|dear deer|due do dew|eight ate|night knight|made maid|main mane|need knead
pair pear|peace piece|road rode|sale sail|some sum|steak stake|tail tale|tea tee|time thyme|toe tow|wine whine|tyre tire
allowed aloud|board bored|cash cache|core corps|hi high|hey hay|idle idol|past passed|phase faze|principal principle|role roll
route root|scene seen|sight site|steel steal|threw through|waist waste|wheel weal|in inn|not knot|so sew|or oar|flu flew
`;

const NEARLY_SAME_SOUND = `
and an|are our|than then|want won't|can can't|is as|on an|of off|what watt|when win|with width|this these|that at|how who|me my
set sit|let led|light like|lights likes|card cart|play pray|song sung|bank bang|book look|call cool|cancel council|change chains
cook cooked|cost coast|date day|find fine|flight fright|food foot|get gate|give live|good could|help held|list least|long wrong
make may|month moth|need neat|number lumber|order border|pin pen|please police|price prize|remind remain|report record|save safe
say said|send sand|should could|start stare|stop top|tell till|text taxed|tower tour|turn torn|traffic graphic|use used|travel trouble
volume value|will well|work walk|year ear|alarm alarmed|translate translates|weather wetter
`;

/** For each word those that sound the same: their, there, they're. */
export const HOMOPHONES = othersOf(SAME_SOUND);
/** For each word those that sound nearly the same: than, then. */
export const NEAR_HOMOPHONES = othersOf(NEARLY_SAME_SOUND);

/** Words so short and unstressed that they are swallowed. */
export const SWALLOWED = new Set('a an the to of in on at is are do i it my me for and you'.split(' '));

function othersOf(list: string): ReadonlyMap<string, readonly string[]> {
  const groups = list
    .trim()
    .split(/[|\n]/)
    .map((group) => group.split(' '));
  const words = new Set(groups.flat());
  return new Map(
    Array.from(words, (word) => [
      word,
      groups
        .filter((group) => group.includes(word))
        .flatMap((group) => group.filter((other) => other !== word)),
    ]),
  );
}
