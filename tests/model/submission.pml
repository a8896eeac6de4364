/* The submission protocol of DESIGN 4, for spin: two runners, one journal, one broker, two slots.

   run     python -m tests.model; it writes protocol.pml from the table in replay/protocol.py
   world   a runner dies at any step and starts again, or is paused past another's claim and goes on;
           a POST is lost, doubled, or late; an answer is lost; the broker accepts, refuses, says
           "later", knows the id already, shows an order late, hides or loses one; it fills, rests or
           ends; an operator halts; the journal is restored from a backup, with its anchor or without
   journal what is appended is one step of one runner that holds the claim: a commit is atomic, and
           what another has claimed refuses it. So the journal's fold is shared, and what a runner
           knows by itself is only what it read and has not written yet
   claims  A1 one order per id, for ever. A2 and A3 when the settling time is over (`settled`), every
           request sent before it has come or is lost, and what came can be seen
   proves  P1 one order per decision. P2 no order without a durable attempt. P3 nothing is closed as
           FAILED or SKIPPED while the broker has it, nor does it stay so unseen. P4 two orders of
           one symbol are never alive together. P5 at rest, journal and broker agree: no fill is
           lost, nothing is unknown, no order is alive that nobody knows of, or it is halted
           P6 every doubt ends, where looks do not fail for ever: no fair cycle without progress
   but     `late` marks what no protocol can keep: a paused runner that posts after its order was
           proven absent, a copy of a request that was answered "no". P3 and P4 leave them out; P5
           does not: the orphan watch finds them. The same for a backup restored with its anchor
   mutants each takes one rule away (tests/model/mutants.py)                                       */

/* what a world allows, and the mutant, if any: read once from the environment, so that one program
   searches them all */
hidden byte runners, slots, crashes_max, doubles, oddities, halts_max, restores, mutant;
#define IS(planted) (mutant == planted)
#define FRESH_ID 1
#define SEND_FIRST 2
#define DUPLICATE_REFUSED 3
#define ABSENT_AT_ONCE 4
#define NO_SETTLING 5
#define NO_ORPHAN_WATCH 6
#define NO_ANCHOR 7
#define NO_MEMBERSHIP 8
#define SETTLED_WHEN_HEARD 9
#define FORGOTTEN_ATTEMPTS 10
#define UNKNOWN_UNBLOCKED 11
#define SAME_WORD_SILENT 12

#define ATTEMPTS 2
#define LOOKS 2
#define ORDERS 2
#define NOBODY 2

/* what the broker says to a POST */
#define SILENCE 0
#define TAKEN 1
#define REFUSAL 2
#define LATER 3
#define DUPLICATE 4
#define WAITING 5

/* an order at the broker, and what a runner read of it */
#define NOTHING 0
#define RESTS 1                          /* alive, and stays so */
#define FILLS 2                          /* alive, and will fill */
#define FILLED 3
#define OVER 4
#define DROPPED 5                        /* accepted, and lost by the broker itself */
#define UNREADABLE 6                     /* of a look only: it failed */

#define IS_ALIVE(i) (at[i] == RESTS || at[i] == FILLS)
#define IS_LISTED(i) (at[i] != NOTHING && at[i] != DROPPED && visible[i])
#define WORD(i) (IS_ALIVE(i) -> RESTS : at[i])
#define IS_NEWS(i) (IS_LISTED(i) && told[i] != WORD(i))
#define IS_GIVEN_UP(k) (stage[k] == GIVEN_UP || stage[k] == RISEN || stage[k] == ORPHAN || stage[k] == BURIED)
#define IS_ON_WIRE(k) (wire[k] + wire[ORDERS + k] > 0)
#define IS_HIDDEN(i) (at[i] != NOTHING && at[i] != DROPPED && !visible[i])
#define IS_SOUGHT(k) (stage[k] == UNKNOWN || stage[k] == MISSING)
#define IS_OLDER (old_stage[0] != stage[0] || old_stage[1] != stage[1] || old_told[0] != told[0] || old_told[1] != told[1] || old_attempts[0] != attempts[0] || old_attempts[1] != attempts[1] || old_halted != halted)
#define IS_UNBLOCKED (IS(UNKNOWN_UNBLOCKED) || (slot == 0 || IS_FREE(0)) && (slot == 1 || IS_FREE(1)))
#define BLIND (rolled && !anchored)
#define RESEND(k) (resend)

#define IS_SETTLED(k) (IS(NO_SETTLING) || (IS(SETTLED_WHEN_HEARD) -> settled[k] : was_settled))
#define PROVEN(k) (IS(ABSENT_AT_ONCE) || looks[k] >= LOOKS && IS_SETTLED(k))
#define UNPROVEN(k) (!PROVEN(k))

#define IDS 4                            /* the last two are a mutant's alone */
#define ID(k) (IS(FRESH_ID) -> k + ORDERS * (attempts[k] - 1) : k)

#include "protocol.pml"

/* the journal, folded: durable */
byte stage[ORDERS];
byte attempts[ORDERS];
byte looks[ORDERS];
byte told[ORDERS];                       /* the broker's last word that was written */
bool halted;
byte owner = NOBODY;                     /* whose RunnerStarted is the last */

/* its backup */
byte old_stage[ORDERS];
byte old_attempts[ORDERS];
byte old_told[ORDERS];
bool old_halted;
bool backed_up, rolled, anchored, refused;

/* the broker and the way there; ids are orders but in a mutant */
byte at[IDS];
bool visible[IDS];
byte wire[4];                            /* requests on their way, by runner and order */
bool denied[4];                          /* the last request of these was answered "no" */
byte answer[2];                          /* of each runner's POST */
byte posted[2];                          /* its order */

hidden byte mark;                        /* SEEN: that the search came here is looked for */
#define SEEN(what) mark = what

/* time, chance, and what the properties remember */
bool settled[ORDERS];
bool resend;
byte slot, crashes, doubled, odd, halts;
bool is_up[2];
byte accepted[ORDERS];
bool late[ORDERS];
bool proven[ORDERS];

inline doubt(k) {
  looks[k] = 0; settled[k] = false; write_LOOK(k)
}

inline give_up_checked(k) {              /* P3, at the moment of the conclusion */
  if
  :: at[k] != NOTHING && late[k] -> SEEN(8)
  :: else
  fi;
  assert(at[k] == NOTHING || at[k] == DROPPED || late[k] || BLIND)
}

inline fail(k) {
  give_up_checked(k); write_FAIL(k);
  told[k] = (IS(SAME_WORD_SILENT) -> told[k] : NOTHING)   /* what is said of it from now on is news */
}
inline drop(k) { give_up_checked(k); write_SKIP(k) }

inline hear(k, word) {                   /* what follows from the broker's word, in the same commit */
  told[k] = word;
  if
  :: word == FILLED || word == OVER -> write_OVER(k)
  :: else
  fi;
  if
  :: stage[k] == ENDED -> write_CLOSE(k)
  :: stage[k] == RISEN -> write_CANCEL(k)
  :: else
  fi
}

inline commit_done() {                   /* no commit ends at a passing stage */
  assert(!IS_PASSING(0) && !IS_PASSING(1))
}

inline rest() {                          /* the commit is whole, and nothing is remembered */
  commit_done();
  if
  :: IS_FREE(k) -> looks[k] = 0; settled[k] = false
  :: else
  fi;
  k = 0; got = 0; was_settled = false; answer[me] = SILENCE; posted[me] = 0
}

inline compare(k) {                      /* the stream, or a comparison */
  if
  :: stage[k] == NONE ->
     SEEN(2); halted = halted || !IS(NO_MEMBERSHIP); told[k] = WORD(k)
  :: IS_GIVEN_UP(k) && IS(NO_ORPHAN_WATCH) -> told[k] = WORD(k)
  :: else -> write_REPORTED(k); hear(k, WORD(k))
  fi
}

inline read(k) {                         /* a look */
  was_settled = settled[k];
  if
  :: IS_LISTED(k) -> got = WORD(k)
  :: !IS_LISTED(k) -> got = NOTHING
  :: true -> got = UNREADABLE
  fi
}

inline die() {
  crashes++; is_up[me] = false; answer[me] = SILENCE; posted[me] = 0; k = 0; got = 0;
  was_settled = false
}

proctype Runner(byte me) {
  byte k, got;
  bool was_settled;                      /* the settling time was over when the look was asked for */

end_down:
  atomic {
    me == 0 || owner != NOBODY && runners == 2;            /* the second starts second */
    if
    :: rolled && anchored && !IS(NO_ANCHOR) -> SEEN(1); refused = true; goto stopped
    :: else
    fi;
    is_up[me] = true; owner = me;
    k = 0;
    do
    :: k < ORDERS ->
       if
       :: stage[k] == SUBMITTING && !IS(FORGOTTEN_ATTEMPTS) -> write_STARTED(k); doubt(k)
       :: stage[k] == UNKNOWN -> write_STARTED(k); write_LOOK(k)
       :: stage[k] == ORPHAN -> write_STARTED(k); write_CANCEL(k)
       :: else -> write_STARTED(k)
       fi;
       k++
    :: else -> k = 0; break
    od;
    commit_done()
  }

end_idle:
  if
  :: owner != me -> goto stopped
  :: atomic { owner == me && crashes < crashes_max -> die() }; goto end_down

  :: atomic { owner == me && slot < slots && !halted && stage[slot] == NONE && IS_UNBLOCKED ->
     k = slot; attempts[k] = 1;
     if
     :: IS(SEND_FIRST) -> goto post
     :: else -> write_CREATE(k); settled[k] = false; write_ATTEMPT(k); commit_done(); goto check
     fi }

  :: atomic { owner == me && (stage[0] == PENDING || stage[1] == PENDING) ->
     k = (stage[0] == PENDING -> 0 : 1);
     if
     :: halted -> drop(k); rest(); goto end_idle
     :: !halted -> fail(k); rest(); goto end_idle   /* not valid any more */
     :: !halted && attempts[k] < ATTEMPTS ->
        attempts[k]++; settled[k] = false; write_ATTEMPT(k); goto check
     fi }

  :: atomic { owner == me && (stage[0] == UNKNOWN || stage[0] == MISSING) ->
     k = 0; read(k);
     if
     :: got == UNREADABLE -> goto progress_unread
     :: else -> goto look
     fi }
  :: atomic { owner == me && (stage[1] == UNKNOWN || stage[1] == MISSING) ->
     k = 1; read(k);
     if
     :: got == UNREADABLE -> goto progress_unread
     :: else -> goto look
     fi }

  :: atomic { owner == me && IS_NEWS(0) -> k = 0; compare(k); rest() }; goto end_idle
  :: atomic { owner == me && IS_NEWS(1) -> k = 1; compare(k); rest() }; goto end_idle

  :: atomic { owner == me && stage[0] == WORKING && told[0] == RESTS && !IS_LISTED(0) ->
     k = 0; write_VANISHED(k); doubt(k); rest() }; goto end_idle
  :: atomic { owner == me && stage[1] == WORKING && told[1] == RESTS && !IS_LISTED(1) ->
     k = 1; write_VANISHED(k); doubt(k); rest() }; goto end_idle

  :: atomic { owner == me && stage[0] == ORPHAN && IS_ALIVE(0) && visible[0] ->
     k = 0; SEEN(9); write_CANCEL(k); at[0] = OVER; rest() }; goto end_idle
  :: atomic { owner == me && stage[1] == ORPHAN && IS_ALIVE(1) && visible[1] ->
     k = 1; write_CANCEL(k); at[1] = OVER; rest() }; goto end_idle
  fi;

check:                                   /* the commit is anchored; the head is read again */
  if
  :: owner != me -> goto stopped
  :: atomic { owner == me && crashes < crashes_max -> die() }; goto end_down
  :: atomic { owner == me && !halted -> goto post }
  :: atomic { owner == me -> write_NOT_SENT(k);          /* halted, or the commit is too old */
     if
     :: halted -> drop(k)
     :: else
     fi;
     rest() }; goto end_idle
  fi;

post:                                    /* here it may be paused, and another may claim */
  if
  :: atomic { crashes < crashes_max -> die() }; goto end_down
  :: atomic { true ->
     late[k] = late[k] || settled[k] || proven[k] || IS_FREE(k);
     wire[me * ORDERS + k]++; denied[me * ORDERS + k] = false;
     if
     :: doubled < doubles -> doubled++; wire[me * ORDERS + k]++
     :: true
     fi;
     answer[me] = WAITING; posted[me] = k;
     if
     :: IS(SEND_FIRST) -> goto commit_late
     :: else -> goto wait
     fi }
  fi;

commit_late:                             /* a mutant's alone */
  if
  :: atomic { owner == me && stage[k] == NONE -> write_CREATE(k); write_ATTEMPT(k) }
  :: owner != me || stage[k] != NONE
  fi;

wait:
  if
  :: owner != me -> goto stopped
  :: atomic { owner == me && crashes < crashes_max -> die() }; goto end_down
  :: atomic { owner == me && answer[me] == TAKEN -> write_ANSWERED(k); told[k] = RESTS; rest() }
  :: atomic { owner == me && answer[me] == REFUSAL -> write_REFUSED(k); fail(k); rest() }
  :: atomic { owner == me && answer[me] == LATER -> write_NOT_SENT(k); rest() }
  :: atomic { owner == me && answer[me] == DUPLICATE && IS(DUPLICATE_REFUSED) -> write_REFUSED(k); fail(k); rest() }
  :: atomic { owner == me -> write_LOST(k); doubt(k); rest() }   /* a time-out, or 422 for a known id */
  fi;
  goto end_idle;

progress_unread:                         /* that looks fail is not the protocol's fault */
  if
  :: owner != me -> goto stopped
  :: atomic { owner == me && crashes < crashes_max -> die() }; goto end_down
  :: atomic { owner == me -> write_LOOK_FAILED(k); rest() }; goto end_idle
  fi;

look:                                    /* what was read may be old when it is written */
  if
  :: owner != me -> goto stopped
  :: atomic { owner == me && crashes < crashes_max -> die() }; goto end_down
  :: atomic { owner == me && got != NOTHING -> write_FOUND(k); hear(k, got); rest() }
  :: atomic { owner == me && got == NOTHING ->
     if
     :: looks[k] < LOOKS -> looks[k]++
     :: else
     fi;
     write_NOT_FOUND(k);
     proven[k] = proven[k] || (stage[k] == ABSENT && was_settled);
     if
     :: stage[k] == GONE -> fail(k)
     :: stage[k] == ABSENT && halted -> drop(k)
     :: stage[k] == ABSENT && !halted -> fail(k)         /* its policy, or not valid any more */
     :: stage[k] == ABSENT && !halted && RESEND(k) && attempts[k] < ATTEMPTS ->
        attempts[k]++; settled[k] = false; write_ATTEMPT(k); got = 0; was_settled = false; goto check
     :: else -> write_LOOK(k)
     fi;
     rest() }
  fi;
  goto end_idle;

stopped:                                 /* fenced, or refused: for ever */
  atomic {
    is_up[me] = false; k = 0; got = 0; was_settled = false; answer[me] = SILENCE; posted[me] = 0
  }
}

inline reply(word) {                     /* whether it is heard is the time-out's to say */
  if
  :: answer[i / ORDERS] != SILENCE && posted[i / ORDERS] == k -> answer[i / ORDERS] = word
  :: else
  fi
}

proctype Broker() {
  byte i, k, id;
end:
  do
  :: atomic { wire[0] + wire[1] + wire[2] + wire[3] > 0 ->
     if
     :: wire[0] > 0 -> i = 0
     :: wire[1] > 0 -> i = 1
     :: wire[2] > 0 -> i = 2
     :: wire[3] > 0 -> i = 3
     fi;
     wire[i]--; k = i % ORDERS; id = ID(k);
     if
     :: denied[i] = denied[i] && wire[i] > 0              /* lost on its way */
     :: at[id] == NOTHING ->
        if
        :: at[id] = RESTS
        :: at[id] = FILLS
        fi;
        if
        :: visible[id] = true
        :: true
        fi;
        if
        :: denied[i] -> SEEN(3)          /* a copy of what was refused */
        :: !denied[i] && owner != i / ORDERS && late[k] -> SEEN(4)
        :: !denied[i] && owner != i / ORDERS && !late[k] -> SEEN(5)
        :: else
        fi;
        late[k] = late[k] || denied[i]; denied[i] = denied[i] && wire[i] > 0;
        accepted[k]++;
        assert(accepted[k] <= 1);                                              /* P1 */
        assert(stage[k] != NONE || rolled);                                    /* P2 */
        assert(!IS_ALIVE(1 - k) || late[0] || late[1] || BLIND);               /* P4 */
        reply(TAKEN)
     :: at[id] == NOTHING -> denied[i] = wire[i] > 0; reply(REFUSAL)
     :: at[id] == NOTHING -> denied[i] = wire[i] > 0; reply(LATER)
     :: at[id] != NOTHING -> denied[i] = denied[i] && wire[i] > 0; SEEN(6); reply(DUPLICATE)
     fi;
     i = 0; k = 0; id = 0 }

  :: atomic { IS_HIDDEN(0) -> visible[0] = true }
  :: atomic { IS_HIDDEN(1) -> visible[1] = true }
  :: atomic { at[0] == FILLS -> at[0] = FILLED }
  :: atomic { at[1] == FILLS -> at[1] = FILLED }
  :: atomic { at[0] == RESTS && odd < oddities -> odd++; at[0] = OVER }
  :: atomic { at[0] == RESTS && odd < oddities -> odd++; at[0] = DROPPED }
  :: atomic { IS_ALIVE(0) && visible[0] && odd < oddities ->
     odd++; late[0] = late[0] || settled[0]; visible[0] = false }
  od
}

proctype World() {
end:
  do
  :: atomic { slot < slots -> slot++ }
  :: atomic { IS_SOUGHT(0) && !settled[0] && !IS_ON_WIRE(0) && !IS_HIDDEN(0) -> settled[0] = true }
  :: atomic { IS_SOUGHT(1) && !settled[1] && !IS_ON_WIRE(1) && !IS_HIDDEN(1) -> settled[1] = true }
  :: atomic { IS_SOUGHT(0) && !settled[0] && IS_HIDDEN(0) && odd < oddities ->
     odd++; late[0] = true; settled[0] = true }          /* A2 broken */
  :: atomic { halts < halts_max && !halted && owner != NOBODY -> halts++; halted = true }
  :: d_step { restores && !backed_up ->
     backed_up = true; old_halted = halted;
     old_stage[0] = stage[0]; old_attempts[0] = attempts[0]; old_told[0] = told[0];
     old_stage[1] = stage[1]; old_attempts[1] = attempts[1]; old_told[1] = told[1] }
  :: atomic { backed_up && !rolled && !is_up[0] && !is_up[1] && IS_OLDER ->
     rolled = true; halted = old_halted;
     stage[0] = old_stage[0]; attempts[0] = old_attempts[0]; told[0] = old_told[0]; looks[0] = 0;
     stage[1] = old_stage[1]; attempts[1] = old_attempts[1]; told[1] = old_told[1]; looks[1] = 0;
     if
     :: anchored = true                  /* the anchor tells of what the journal has lost */
     :: true                             /* it was restored as well */
     fi }
  od
}

proctype Rest() {                        /* P5, when nothing is left to do */
  byte k;
  atomic {
    timeout ->
    if
    :: refused -> skip
    :: else ->
       do
       :: k < ORDERS ->
          assert(stage[k] != SUBMITTING && stage[k] != PENDING);
          assert(stage[k] != UNKNOWN && stage[k] != MISSING);
          assert(!IS_ALIVE(k) || stage[k] == WORKING || (stage[k] == NONE && halted));
          assert(at[k] != FILLED || told[k] == FILLED);
          assert(at[k] != FILLED || stage[k] == DONE || stage[k] == BURIED || halted);
          assert(stage[k] != WORKING || IS_ALIVE(k));
          assert(stage[k] != DONE || at[k] == FILLED || at[k] == OVER);
          k++
       :: else -> SEEN(7); break
       od
    fi
  }
}

init {
  c_code {
    runners = atoi(getenv("RUNNERS")); slots = atoi(getenv("SLOTS"));
    crashes_max = atoi(getenv("CRASHES")); doubles = atoi(getenv("DOUBLES"));
    oddities = atoi(getenv("ODDITIES")); halts_max = atoi(getenv("HALTS"));
    restores = atoi(getenv("RESTORES")); mutant = atoi(getenv("MUTANT"));
  };
  atomic {
    if
    :: resend = true
    :: true
    fi;
    run Runner(0); run Runner(1); run Broker(); run World(); run Rest()
  }
}
