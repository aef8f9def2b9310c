/* readline through its callback interface: the loop around it is ours, so Ctrl-C at the prompt is
 * an ordinary result and no signal handler ever jumps. SIGINT is let in only while we wait. */
#define _GNU_SOURCE
#include "wane_line_editor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "wane_bridge.h"

/* ---- Completion ---------------------------------------------------------------------------- */

struct wane_completions {
  char **texts; /* [0] is left for the common prefix that readline wants there */
  size_t count, capacity;
  const char *word;
};

static wane_completer completer;

void wane_completions_add(wane_completions *c, const char *text) {
  if (c->count + 2 > c->capacity) {
    size_t capacity = c->capacity ? 2 * c->capacity : 32;
    char **texts = realloc(c->texts, capacity * sizeof *texts);
    if (!texts) return;
    c->texts = texts;
    c->capacity = capacity;
  }
  char *copy = strdup(text);
  if (copy) c->texts[++c->count] = copy;
}

void wane_completions_add_files(wane_completions *c) {
  char *name;
  rl_filename_completion_desired = 1;
  for (int state = 0; (name = rl_filename_completion_function(c->word, state)); state = 1) {
    wane_completions_add(c, name);
    free(name);
  }
}

static char *common_prefix(char **texts, size_t count) {
  size_t length = strlen(texts[0]);
  for (size_t i = 1; i < count; i++) {
    size_t same = 0;
    while (same < length && texts[i][same] == texts[0][same]) same++;
    length = same;
  }
  return strndup(texts[0], length);
}

static char **complete(const char *word, int start, int end) {
  rl_attempted_completion_over = 1; /* never fall back to file names */
  rl_completion_append_character = '\0';
  wane_completions c = {.word = word};
  completer(rl_line_buffer, start, end, &c);
  if (c.count == 0) {
    free(c.texts);
    return NULL;
  }
  c.texts[c.count + 1] = NULL;
  if (c.count == 1) { /* a single match stands alone at [0] */
    c.texts[0] = c.texts[1];
    c.texts[1] = NULL;
  } else if (!(c.texts[0] = common_prefix(c.texts + 1, c.count))) {
    c.texts[0] = strdup(word);
  }
  return c.texts;
}

/* Whether the character at `index` stands inside a string: readline must not take the `/` that a
 * path begins with, or a dot in a file's name, for the end of a word. */
static int is_quoted(char *line, int index) {
  char quote = 0;
  for (int i = 0; i < index && line[i]; i++) {
    if (quote && line[i] == '\\' && line[i + 1])
      i++;
    else if (line[i] == quote)
      quote = 0;
    else if (!quote && (line[i] == '"' || line[i] == '\''))
      quote = line[i];
  }
  return quote != 0;
}

void wane_line_editor_start(wane_completer with_completer) {
  completer = with_completer;
  rl_readline_name = "wane";
  rl_catch_signals = 0;
  rl_attempted_completion_function = complete;
  rl_completer_quote_characters = "\"'";
  rl_char_is_quoted_p = is_quoted;
  rl_completer_word_break_characters = " \t\n\"'`.:,;=<>~+-*/%^#&|()[]{}";
  rl_variable_bind("enable-bracketed-paste", "on");
  rl_variable_bind("blink-matching-paren", "on");
}

/* ---- Reading ------------------------------------------------------------------------------- */

static bool line_done;
static char *finished_line;

static void on_line(char *line) {
  finished_line = line;
  line_done = true;
  rl_callback_handler_remove();
}

static wane_line_status abandon_line(void) {
  wane_interrupt_clear();
  FILE *output = rl_outstream ? rl_outstream : stdout;
  fputs("^C\n", output); /* first: removing the handler returns the carriage */
  fflush(output);
  rl_free_line_state();
  rl_callback_sigcleanup();
  rl_replace_line("", 0);
  rl_callback_handler_remove();
  return WANE_LINE_INTERRUPTED;
}

wane_line_status wane_line_read(const char *prompt, char **line) {
  sigset_t blocked, while_waiting, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  while_waiting = before;
  sigdelset(&while_waiting, SIGINT);

  line_done = false;
  finished_line = NULL;
  wane_line_status status = WANE_LINE_READ;
  rl_callback_handler_install(prompt, on_line);
  while (!line_done) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = ppoll(&input, 1, NULL, &while_waiting);
    if (wane_interrupt_requested()) {
      status = abandon_line();
      break;
    }
    if (ready < 0 && errno == EINTR) continue; /* the window changed its size; readline knows */
    if (ready < 0) {
      rl_callback_handler_remove();
      break;
    }
    rl_callback_read_char();
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (status != WANE_LINE_READ) return status;
  if (!finished_line) return WANE_LINE_END;
  *line = finished_line;
  return WANE_LINE_READ;
}

/* ---- History ------------------------------------------------------------------------------- */

void wane_history_load(const char *path, int limit) {
  /* With time stamps between them, entries of several lines come back whole. */
  history_comment_char = '#';
  history_write_timestamps = 1;
  using_history();
  if (!path) return;
  read_history(path);
  if (history_length > 2 * limit) { /* shorten the file now and then, not at every start */
    stifle_history(limit);
    unstifle_history();
    write_history(path);
  }
}

void wane_history_add(const char *entry, const char *path) {
  HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
  if (last && strcmp(last->line, entry) == 0) return;
  add_history(entry);
  if (!path) return;
  if (append_history(1, path) != 0) write_history(path); /* the file does not exist yet */
}
